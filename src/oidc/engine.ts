import type { Provider } from 'oidc-provider';

export type Engine = Provider;
export type TellLogout = (notice: { clientId: string; accountId: string; sid: string | null }) => Promise<void>;

import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

export type Engine = Provider;
export type TellLogout = (notice: { clientId: string; accountId: string; sid: string | null }) => Promise<void>;

/** The path of a route of the engine as our pages and redirects write it: without the path of the issuer. */
export const ownPathOf = ({ provider }: KoaContextWithOIDC['oidc'], route: string): string =>
  provider.pathFor(route, { mountPath: '' });

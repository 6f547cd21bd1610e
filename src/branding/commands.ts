import { operator } from '#audit/module.ts';
import type { ClientBrandChoice } from '#kernel/brand/choice.ts';
import type { BrandService } from './brand-service.ts';

type Owner = { client_id?: string };
/** Files come as base64, null to take one away. */
type File = Owner & { content: string | null };

const bytes = (content: string | null): Buffer | null => (content === null ? null : Buffer.from(content, 'base64'));

/** `branding logo FILE`, `branding stylesheet FILE` and `branding client CLIENT_ID`. The rest of a brand are settings. */
export function brandingCommands(brands: BrandService) {
  return {
    async 'branding.logo'({ content, dark, client_id: owner }: File & { dark?: boolean }) {
      const logo = bytes(content);
      await brands.changeFile(owner ?? null, dark ? { darkLogo: logo } : { logo }, operator);
      return { logo: logo === null ? 'removed' : 'changed' };
    },
    async 'branding.stylesheet'({ content }: File) {
      const stylesheet = bytes(content)?.toString('utf8') ?? null;
      await brands.changeFile(null, { stylesheet }, operator);
      return { stylesheet: stylesheet === null ? 'removed' : 'changed' };
    },
    async 'branding.client'({
      client_id: clientId,
      change,
    }: {
      client_id: string;
      change: Record<string, unknown>;
    }): Promise<ClientBrandChoice> {
      return brands.changeOfClient(clientId, change, operator);
    },
  };
}

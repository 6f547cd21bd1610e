import type { KoaContextWithOIDC } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import { type RememberedConsent, words } from './authority/authority.ts';

const SCOPE = 'offline_access';
/** The user confirms on a page what a device asks for, and there is no parameter `prompt`. */
const deviceRoutes: ReadonlySet<string> = new Set(['code_verification', 'device_resume']);

/**
 * OpenID Connect Core §11: `offline_access` needs `prompt=consent`, "unless other conditions for processing the request permitting
 * offline access" are in place, and is ignored otherwise. The conditions: the user has consented to it before, the client
 * is first-party, so that no consent is asked, or it is a native one whose member `offline_access_unprompted` says so; that one
 * asks for consent at each sign-in (RFC 8252 §8.6). Of a third-party client it is never granted without consent.
 */
export function settleOfflineAccess({ oidc }: KoaContextWithOIDC, consent: RememberedConsent | null): void {
  const { params, client, route } = oidc;
  const asked = words(params?.['scope'] as string | undefined);
  if (!params || !asked.includes(SCOPE) || deviceRoutes.has(route)) return;
  const isPermitted =
    words(params['prompt'] as string | undefined).includes('consent') ||
    consent === 'everything' ||
    consent?.scopes.has(SCOPE) === true ||
    (client?.applicationType === 'native' && ownMember(client, 'offline_access_unprompted') === true);
  if (!isPermitted) params['scope'] = asked.filter((scope) => scope !== SCOPE).join(' ') || undefined;
}

import { isIP } from 'node:net';
import type { Policy } from '#settings/module.ts';

/** Who authenticators make passkeys for, and at which addresses they may be used. */
export type RelyingParty = { id: string; origins: readonly string[] };

/** Null where the issuer is an address of digits: an authenticator knows names alone (WebAuthn 3 §5.1.2). */
export function relyingPartyOf(
  issuer: URL,
  { rpId, relatedOrigins }: Pick<Policy<'passkeys'>, 'rpId' | 'relatedOrigins'>,
): RelyingParty | null {
  const id = rpId ?? issuer.hostname;
  if (isIP(id.replace(/^\[|\]$/g, '')) !== 0) return null;
  return { id, origins: [issuer.origin, ...relatedOrigins] };
}

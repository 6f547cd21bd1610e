import { createHmac, type KeyObject } from 'node:crypto';
import type { KeyRing } from '#kernel/crypto.ts';

export type FormHolder = { uid: string; accountId?: string | undefined };

/**
 * The token of the forms about devices: one for each session, so that every tab and every answer has the same. It changes when a user
 * signs in: an attacker who planted the session does not know the one after that.
 */
export class DeviceForms {
  readonly #key: KeyObject;

  constructor(keyRing: Pick<KeyRing, 'deriveKey'>) {
    this.#key = keyRing.deriveKey('device-form');
  }

  /** 256 bits, as hexadecimal text. */
  tokenOf({ uid, accountId = '' }: FormHolder): string {
    return createHmac('sha256', this.#key).update(`${uid}.${accountId}`).digest('hex');
  }
}

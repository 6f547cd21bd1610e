import { createHmac, type KeyObject } from 'node:crypto';
import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import { equalSecrets, type KeyRing } from '#kernel/crypto.ts';
import { ownPath } from '#kernel/http/redirect.ts';
import { SIGN_IN_LIFETIME } from '../lifetimes.ts';
import { LONGEST_RETURN_PATH } from './limits.ts';

const STATE = /^([\w-]{1,1400})\.([\da-z]{1,10})\.([\w-]{43})$/;

/** The page in a `state` of ours, as anyone can read it: for words on a page, and never to go there. */
export function pageInState(state: unknown): string | null {
  const [, text = ''] = STATE.exec(typeof state === 'string' ? state : '') ?? [];
  return text === '' ? null : ownPath(Buffer.from(text, 'base64url').toString());
}

/**
 * Where a browser goes on after a sign-in for a page of ours, in the `state` of the request: signed, for this browser alone,
 * and for as long as the sign-in may take. It allows no other redirect.
 */
export class ReturnPaths {
  readonly #clock: Clock;
  readonly #keys: readonly KeyObject[];

  constructor(clock: Clock, keyRing: Pick<KeyRing, 'deriveKeys'>) {
    this.#clock = clock;
    this.#keys = keyRing.deriveKeys('return-path');
  }

  seal(path: string, browser: string): string {
    const text = Buffer.from(
      path.length > LONGEST_RETURN_PATH ? path.replace(/\?.*$/, '').slice(0, LONGEST_RETURN_PATH) : path,
    );
    const until = (epochSeconds(this.#clock) + SIGN_IN_LIFETIME / SECOND).toString(36);
    const said = `${text.toString('base64url')}.${until}`;
    return `${said}.${this.#sign(this.#keys[0]!, said, browser)}`;
  }

  /** Null for what is too old, of another browser, or not of our making. */
  open(state: string, browser: string): string | null {
    const [, text = '', until = '', signature = ''] = STATE.exec(state) ?? [];
    const isOurs = this.#keys.some((key) => equalSecrets(this.#sign(key, `${text}.${until}`, browser), signature));
    if (!isOurs || Number.parseInt(until, 36) < epochSeconds(this.#clock)) return null;
    return ownPath(Buffer.from(text, 'base64url').toString());
  }

  #sign(key: KeyObject, said: string, browser: string): string {
    return createHmac('sha256', key).update(`${browser}.${said}`).digest('base64url');
  }
}

import { setImmediate } from 'node:timers/promises';
import { ROUNDS_A_TURN } from '../limits.ts';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The value of a crypt(3) base64 character, 0 to 63; -1 for another character. */
export const cryptDigit = (letter: string): number => ALPHABET.indexOf(letter);

/** The base64 of crypt(3): groups of three bytes, six bits at a time from the low end. `order` says which byte comes when. */
export function cryptBase64(bytes: Buffer, order: readonly (readonly number[])[]): string {
  return order
    .map((group) => {
      let bits = group.reduce((sum, position) => (sum << 8) | (bytes[position] ?? 0), 0);
      let text = '';
      for (let letters = Math.ceil((group.length * 8) / 6); letters > 0; letters -= 1) {
        text += ALPHABET[bits & 63];
        bits >>= 6;
      }
      return text;
    })
    .join('');
}

/** Old formats hash many times over, in JavaScript: nothing else may wait for that. */
export async function repeat(rounds: number, step: (round: number) => void): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    step(round);
    if (round % ROUNDS_A_TURN === ROUNDS_A_TURN - 1) await setImmediate();
  }
}

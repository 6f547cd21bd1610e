import type { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { passwordRefused } from './errors.ts';

const MAXIMUM_CODE_POINTS = 256;
const MAXIMUM_BYTES = 1024;
/** The estimate takes longer than linear time, and lists of guesses hold nothing that is longer. */
const ESTIMATED_LENGTH = 64;
/** zxcvbn's scale from 0 to 4: below 2 a password falls to a million guesses. */
const LEAST_SCORE = 2;

/**
 * Throws credentials.password_too_short, _too_long or _common. No composition rules (NIST SP 800-63B-4): length, and an
 * estimate that knows the 49,000 most common passwords, repetitions, sequences, keyboard walks, and `about`: words that
 * anybody can guess of this person and this product.
 */
export async function assertPasswordAllowed(
  password: string,
  { minimumLength, about }: { minimumLength: number; about: readonly string[] },
): Promise<void> {
  const normalized = password.normalize('NFC');
  const length = [...normalized].length;
  if (length < minimumLength) throw passwordRefused('too_short', { minimum: minimumLength });
  if (length > MAXIMUM_CODE_POINTS || Buffer.byteLength(normalized) > MAXIMUM_BYTES) throw passwordRefused('too_long');
  const words = about.filter((word) => word.length >= 3);
  if (isMadeOf(words, normalized)) throw passwordRefused('common');
  if (length > ESTIMATED_LENGTH) return;
  const { score } = (await loadEstimator()).check(normalized, words);
  if (score < LEAST_SCORE) throw passwordRefused('common');
}

/** What is left of a password without the words that belong to the person is too little to be one. */
function isMadeOf(words: readonly string[], password: string): boolean {
  const rest = words.reduce((text, word) => text.replaceAll(word.toLowerCase(), ''), password.toLowerCase());
  return rest.length < password.length && rest.length < 8;
}

let estimator: Promise<ZxcvbnFactory> | undefined;

/** Some 40 MB, which only a process in which somebody sets a password needs. */
function loadEstimator(): Promise<ZxcvbnFactory> {
  estimator ??= (async () => {
    const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
    ]);
    return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  })();
  return estimator;
}

import type { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { type PasswordAdvice, type PasswordProblem, passwordAdvice } from './password-problem.ts';
import { ESTIMATED_CODE_POINTS, MOST_CODE_POINTS, MOST_PASSWORD_BYTES } from '../limits.ts';

type PasswordRules = {
  minimumLength: number;
  /** zxcvbn's scale from 0 to 4: below 2 a password falls to a million guesses. */
  minimumScore: number;
  /** Easily guessed words about this user and this product. */
  about: readonly string[];
};

/**
 * The problem of a password by itself; null without one. No composition rules (NIST SP 800-63B-4): length, and an
 * estimate that knows the 49,000 most common passwords, repetitions, sequences, keyboard walks, and `about`.
 */
export async function weaknessOf(
  password: string,
  { minimumLength, minimumScore, about }: PasswordRules,
): Promise<PasswordProblem | null> {
  const normalized = password.normalize('NFC');
  const length = [...normalized].length;
  if (length < minimumLength) return { kind: 'too_short', minimum: minimumLength };
  if (length > MOST_CODE_POINTS || Buffer.byteLength(normalized) > MOST_PASSWORD_BYTES) return { kind: 'too_long' };
  const words = about.filter((word) => word.length >= 3);
  if (isMadeOf(words, normalized)) return { kind: 'common', score: 0, advice: ['userInputs'] };
  if (length > ESTIMATED_CODE_POINTS) return null;
  const { score, feedback } = (await loadEstimator()).check(normalized, words);
  if (score >= minimumScore) return null;
  return { kind: 'common', score, advice: adviceOf([feedback.warning, ...feedback.suggestions]) };
}

/** The rest of a password without the user's own words is too short. */
function isMadeOf(words: readonly string[], password: string): boolean {
  const rest = words.reduce((text, word) => text.replaceAll(word.toLowerCase(), ''), password.toLowerCase());
  return rest.length < password.length && rest.length < 8;
}

/** Those for which there are words. */
function adviceOf(keys: readonly (string | null)[]): PasswordAdvice[] {
  return passwordAdvice.filter((key) => keys.includes(key));
}

let estimator: Promise<ZxcvbnFactory> | undefined;

/** About 40 MB, loaded when a user first sets a password in this process. */
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

import type { PasswordRules } from './password-rule.ts';

/** The rules as the page of a new password tells them to its field, which adds what is typed about the user. */
export type FieldRules = Pick<PasswordRules, 'minimumLength' | 'minimumScore'> & { words: readonly string[] };

/** For the samples of pages that ask for a new password. */
export const sampleRules: FieldRules = { minimumLength: 15, minimumScore: 2, words: ['Latchkey'] };

/** Hints of zxcvbn for which there are words (`password.advice.*`): what makes a password weak, then how to do better. */
export const passwordAdvice = [
  'straightRow',
  'keyPattern',
  'simpleRepeat',
  'extendedRepeat',
  'sequences',
  'recentYears',
  'dates',
  'topTen',
  'topHundred',
  'common',
  'similarToCommon',
  'wordByItself',
  'namesByThemselves',
  'commonNames',
  'userInputs',
  'l33t',
  'reverseWords',
  'allUppercase',
  'capitalization',
  'repeated',
  'longerKeyboardPattern',
  'anotherWord',
  'useWords',
] as const;
export type PasswordAdvice = (typeof passwordAdvice)[number];

/** Why a password may not be set. */
export type PasswordProblem =
  | { kind: 'too_short'; minimum: number }
  | { kind: 'too_long' }
  /** Easy to guess; `score` is the zxcvbn score from 0 to 4. */
  | { kind: 'common'; score: number; advice: readonly PasswordAdvice[] }
  /** Known from a data breach elsewhere. */
  | { kind: 'breached' }
  /** The one that is set, or one that was. */
  | { kind: 'reused' };

/** The problem of a new password, shown next to its field (`views/_password.njk`). */
export type NewPasswordProblem = PasswordProblem | { kind: 'required' };

/** Every kind of it, for the samples of pages that ask for a new password. */
export const newPasswordProblems: Readonly<Record<string, NewPasswordProblem>> = {
  'no password': { kind: 'required' },
  'short password': { kind: 'too_short', minimum: 15 },
  'long password': { kind: 'too_long' },
  'easy password': { kind: 'common', score: 0, advice: passwordAdvice },
  'weak password': { kind: 'common', score: 1, advice: ['similarToCommon', 'anotherWord'] },
  'fair password': { kind: 'common', score: 2, advice: [] },
  'good password': { kind: 'common', score: 3, advice: [] },
  'breached password': { kind: 'breached' },
  'password of before': { kind: 'reused' },
};

/** The rules for a new password. */
export type PasswordRules = {
  minimumLength: number;
  /** zxcvbn's scale from 0 to 4: below 2 a password falls to a million guesses. */
  minimumScore: number;
  /** Easily guessed words about this user and this product. */
  about: readonly string[];
};

/** Known facts about a user do not make a password. */
export type AboutUser = {
  email?: string | null | undefined;
  username?: string | null | undefined;
  name?: string | undefined;
};

/** An estimate of zxcvbn, with the keys of its hints. */
export type Estimate = (
  password: string,
  about: readonly string[],
) => { score: number; hints: readonly (string | null)[] };

type Measured = {
  /** Characters, as a person counts them. */
  length: number;
  /** Below 0 for a password that is made of what is known about the user. */
  score: number;
  problem: 'too_short' | 'too_long' | 'common' | null;
  hints: readonly (string | null)[];
};

/**
 * The rule for new passwords, decided here for the server and for the field in which one is typed. Browsers get this function as it
 * stands, so it uses nothing from outside. No composition rules (NIST SP 800-63B-4): length, and an estimate that knows common
 * passwords, repetitions, sequences, keyboard walks, and `about`.
 */
function passwordRule() {
  /** Code points of a password: four times the 64 that NIST SP 800-63B-4 §3.1.1.2 demands to take. */
  const most = 256;
  /** Code points that the estimate reads: it takes longer than linear time, and lists of guesses hold nothing longer. */
  const mostEstimated = 64;

  function measure(
    password: string,
    { minimumLength, minimumScore, about }: PasswordRules,
    estimate: Estimate,
  ): Measured {
    const normalized = password.normalize('NFC');
    const length = [...normalized].length;
    const { score, hints } = estimated(normalized, length, about, estimate);
    const isCommon = score < minimumScore;
    const problem = length < minimumLength ? 'too_short' : length > most ? 'too_long' : isCommon ? 'common' : null;
    return { length, score, hints, problem };
  }

  function estimated(password: string, length: number, about: readonly string[], estimate: Estimate) {
    const words = about.filter((word) => word.length >= 3);
    if (isMadeOf(words, password)) return { score: -1, hints: ['userInputs'] };
    return length > mostEstimated ? { score: 4, hints: [] } : estimate(password, words);
  }

  /** The rest of a password without the user's own words is too short. */
  function isMadeOf(words: readonly string[], password: string): boolean {
    const rest = words.reduce((text, word) => text.replaceAll(word.toLowerCase(), ''), password.toLowerCase());
    return rest.length < password.length && rest.length < 8;
  }

  /** The words that make no password of this user. */
  const wordsAbout = ({ email, username, name }: AboutUser): string[] => [
    ...(email ?? '').split(/[@.]/),
    username ?? '',
    ...(name ?? '').split(/\s+/),
  ];

  return { measure, wordsAbout };
}

export const { measure, wordsAbout } = passwordRule();

/** The rule as a module for browsers. */
export const passwordRuleScript = (): string =>
  `const rule = (${passwordRule.toString()})();\nexport const { measure, wordsAbout } = rule;\n`;

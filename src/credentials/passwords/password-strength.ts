import { type Estimate, measure, type PasswordRules } from './password-rule.ts';
import { type PasswordAdvice, type PasswordProblem, passwordAdvice } from './password-problem.ts';

/** The problem of a password by itself; null without one. */
export async function weaknessOf(password: string, rules: PasswordRules): Promise<PasswordProblem | null> {
  const { problem, score, hints } = measure(password, rules, await loadEstimate());
  switch (problem) {
    case 'too_short':
      return { kind: problem, minimum: rules.minimumLength };
    case 'common':
      return { kind: problem, score: Math.max(0, score), advice: adviceOf(hints) };
    case 'too_long':
      return { kind: problem };
    case null:
      return null;
  }
}

/** Those for which there are words. */
function adviceOf(keys: readonly (string | null)[]): PasswordAdvice[] {
  return passwordAdvice.filter((key) => keys.includes(key));
}

let estimate: Promise<Estimate> | undefined;

/** About 40 MB, loaded when a user first sets a password in this process. */
function loadEstimate(): Promise<Estimate> {
  estimate ??= (async () => {
    const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
    ]);
    const factory = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
    return (password, about) => {
      const { score, feedback } = factory.check(password, [...about]);
      return { score, hints: [feedback.warning, ...feedback.suggestions] };
    };
  })();
  return estimate;
}

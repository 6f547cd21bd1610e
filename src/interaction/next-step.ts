import type { PromptName } from '#oidc/module.ts';
import type { Progress } from './progress.ts';

/** What comes next in a sign-in: a page of ours, or an answer to the engine. */
export type Step =
  | { kind: 'page'; page: 'account' | 'login' | 'password' | 'consent' }
  /** The person proved who they are; `answered` names the other prompts that this settles. */
  | { kind: 'signed-in'; answered: readonly PromptName[] }
  /** The account of the session was chosen. */
  | { kind: 'chosen' };

/** The part of a question that decides. */
export type Question = { prompt: PromptName; accountId: string | null };

/** The one place that knows the order of the steps: pure, so that a table can test it. */
export function nextStep(
  { prompt, accountId }: Question,
  progress: Pick<Progress, 'identifier' | 'userId' | 'chosen'>,
): Step {
  switch (prompt) {
    case 'consent':
      // Whoever is asked for leave may find that it is the wrong account: then somebody else signs in, and is asked.
      if (progress.userId !== null) return { kind: 'signed-in', answered: [] };
      return progress.chosen === 'another' ? proveIdentity(progress) : { kind: 'page', page: 'consent' };
    case 'select_account':
      if (progress.userId !== null) return { kind: 'signed-in', answered: ['select_account'] };
      if (accountId === null || progress.chosen === 'another') return proveIdentity(progress);
      return progress.chosen === 'session' ? { kind: 'chosen' } : { kind: 'page', page: 'account' };
    case 'create':
      return progress.userId === null ? proveIdentity(progress) : { kind: 'signed-in', answered: ['create'] };
    case 'login':
      return progress.userId === null ? proveIdentity(progress) : { kind: 'signed-in', answered: [] };
  }
}

function proveIdentity({ identifier }: Pick<Progress, 'identifier'>): Step {
  return { kind: 'page', page: identifier === null ? 'login' : 'password' };
}

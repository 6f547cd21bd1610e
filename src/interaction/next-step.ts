import type { AskedLevel, Level, PromptName } from '#oidc/module.ts';
import type { Progress } from './progress.ts';
import { type Factor, levelOfProofs } from './proof.ts';
import type { Offer, Standing, Task } from './standing.ts';

/** Each is a path below /interaction/:uid/, and belongs to one step. */
export type Page =
  | 'account'
  | 'login'
  | 'password'
  | 'create'
  | 'consent'
  | 'second-factor'
  | 'enrol-factor'
  | Task
  | Offer;

/** What comes next in a sign-in: a page of ours, or an answer to the engine. */
export type Step =
  | { kind: 'page'; page: Page }
  /** The person proved who they are; `answered` names the other prompts that this settles. */
  | { kind: 'signed-in'; answered: readonly PromptName[] }
  /** The account of the session was chosen. */
  | { kind: 'chosen' }
  /** More was wished for than the person can prove: the session stays what it is. */
  | { kind: 'unchanged' };

/** The part of a question that decides. */
export type Question = {
  prompt: PromptName;
  accountId: string | null;
  /** What the relying party asks of the level. */
  asked: AskedLevel | null;
  /** The one factor of the session that is to be made stronger; null when the person starts from nothing. */
  stepUpFrom: Factor | null;
};

type Known = Pick<Progress, 'identifier' | 'userId' | 'chosen' | 'proofs' | 'skipped' | 'wants'>;

/** The one place that knows the order of the steps: pure, so that a table can test it. `standing` is of whoever has proved something. */
export function nextStep(question: Question, progress: Known, standing: Standing | null): Step {
  const { prompt, accountId } = question;
  const isSomebodyElse = progress.chosen === 'another';
  if (progress.userId === null) {
    if (prompt === 'consent' && !isSomebodyElse) return page('consent');
    if (prompt === 'select_account' && accountId !== null && !isSomebodyElse)
      return progress.chosen === 'session' ? { kind: 'chosen' } : page('account');
    return proveIdentity(question, progress);
  }
  if (standing === null) throw new Error('whoever has proved something has a standing');
  const before = moreProof(question, progress, standing) ?? outstanding(progress, standing);
  if (before !== null) return before;
  return progress.proofs.length === 0 ? { kind: 'unchanged' } : { kind: 'signed-in', answered: settled(prompt) };
}

/** Whoever has just signed in has thereby chosen an account, or has one. */
const settled = (prompt: PromptName): readonly PromptName[] =>
  prompt === 'select_account' || prompt === 'create' ? [prompt] : [];

const page = (name: Page): Step => ({ kind: 'page', page: name });

function proveIdentity({ prompt }: Question, { identifier, wants }: Known): Step {
  if (wants === 'account' || (prompt === 'create' && wants !== 'sign-in')) return page('create');
  return page(identifier === null ? 'login' : 'password');
}

/** The second factor, or the way to one; null when what was proved is enough. */
function moreProof({ asked, stepUpFrom }: Question, { proofs }: Known, standing: Standing): Step | null {
  const reached = levelOfProofs([...(stepUpFrom === null ? [] : [{ factor: stepUpFrom }]), ...proofs]);
  const demanded = Math.max(
    // A trusted browser spares the second factor that policy asks for; it is nothing that a relying party could be told.
    standing.isTrusted && standing.required <= 2 ? 1 : standing.required,
    asked?.essential ? asked.level : 1,
  ) as Level;
  if (reached < demanded) return page(canReach(demanded, standing) ? 'second-factor' : 'enrol-factor');
  // What is only wished for is asked of those who can give it.
  if (asked !== null && reached < asked.level && canReach(asked.level, standing)) return page('second-factor');
  return null;
}

function canReach(level: Level, { factors }: Standing): boolean {
  return level < 3 ? factors.length > 0 : factors.some((factor) => factor === 'passkey' || factor === 'security-key');
}

function outstanding({ skipped }: Known, standing: Standing): Step | null {
  const due = standing.tasks[0] ?? standing.offers.find((offer) => !skipped.includes(offer));
  return due === undefined ? null : page(due);
}

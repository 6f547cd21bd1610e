import type { AskedLevel, Level, PromptName } from '#oidc/module.ts';
import type { Progress } from './progress.ts';
import { type Factor, levelOfProofs } from './proof.ts';
import type { Offer, Standing, Task } from './standing.ts';
import type { Way } from './ways.ts';

/** Each is a path below /interaction/:uid/, and belongs to one step. */
export type Page = 'account' | 'login' | Way | 'create' | 'consent' | 'second-factor' | 'enrol-factor' | Task | Offer;

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
  /** What policy asks for first, once the address is known; the same for everybody. */
  firstWay: Way;
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
  const before = moreProof(question, progress, standing) ?? outstanding(question, progress, standing);
  if (before !== null) return before;
  return progress.proofs.length === 0 ? { kind: 'unchanged' } : { kind: 'signed-in', answered: settled(prompt) };
}

/** Whoever has just signed in has thereby chosen an account, or has one. */
const settled = (prompt: PromptName): readonly PromptName[] =>
  prompt === 'select_account' || prompt === 'create' ? [prompt] : [];

const page = (name: Page): Step => ({ kind: 'page', page: name });

function proveIdentity({ prompt, firstWay }: Question, { identifier, wants }: Known): Step {
  if (wants === 'account' || (prompt === 'create' && wants !== 'sign-in')) return page('create');
  return page(identifier === null ? 'login' : firstWay);
}

/** The second factor, or the way to one; null when what was proved is enough. */
function moreProof(question: Question, progress: Known, standing: Standing): Step | null {
  const needed = neededLevel(question, progress, standing);
  if (needed === null) return null;
  return page(canReach(needed, standing) ? 'second-factor' : 'enrol-factor');
}

/** The level that must be reached now; null when what was proved is enough. */
export function neededLevel(question: Question, progress: Pick<Known, 'proofs'>, standing: Standing): Level | null {
  const { asked } = question;
  const reached = reachedLevel(question, progress);
  const demanded = Math.max(
    // A trusted browser spares the second factor that policy asks for; it is nothing that a relying party could be told.
    standing.isTrusted && standing.required <= 2 ? 1 : standing.required,
    asked?.essential ? asked.level : 1,
  ) as Level;
  if (reached < demanded) {
    // Nobody adds a factor before they have proved one that they have: otherwise a password would be enough to add it.
    return reached < 2 && canReach(2, standing) && !canReach(demanded, standing) ? 2 : demanded;
  }
  // What is only wished for is asked of those who can give it, and once: any second factor will do.
  return asked !== null && reached < 2 && reached < asked.level && canReach(asked.level, standing) ? 2 : null;
}

/** What the session, where it is made stronger, and the proofs of this sign-in amount to. */
function reachedLevel(question: Question, progress: Pick<Known, 'proofs'>): Level | 0 {
  return levelOfProofs(provedFactors(question, progress).map((factor) => ({ factor })));
}

export function provedFactors({ stepUpFrom }: Question, { proofs }: Pick<Known, 'proofs'>): readonly Factor[] {
  return [...(stepUpFrom === null ? [] : [stepUpFrom]), ...proofs.map(({ factor }) => factor)];
}

function canReach(level: Level, { factors }: Standing): boolean {
  return level < 3 ? factors.length > 0 : factors.some((factor) => factor === 'passkey' || factor === 'security-key');
}

function outstanding(question: Question, progress: Known, standing: Standing): Step | null {
  // Offers add factors, which is not for somebody who left out those that they have.
  const mayAdd = standing.factors.length === 0 || reachedLevel(question, progress) >= 2;
  const offers = mayAdd ? standing.offers.filter((offer) => !progress.skipped.includes(offer)) : [];
  const due = standing.tasks[0] ?? offers[0];
  return due === undefined ? null : page(due);
}

import { methods } from '#credentials/module.ts';
import type { AskedLevel, Level, PromptName } from '#oidc/module.ts';
import type { Facts } from './facts.ts';
import type { Progress } from './progress.ts';
import type { Offer, Requirements, Task } from './requirements.ts';
import type { Way } from './offered-first-factors.ts';

/** Each is a path below /interaction/:uid/, and belongs to one step. */
export type Page =
  | 'account'
  | 'login'
  | Way
  | 'create'
  | 'consent'
  | 'second-factor'
  | 'enrol-factor'
  | 'organization'
  | 'restriction'
  | Task
  | Offer;
/** The pages of a sign-in in which nothing is proved. */
export type EarlyPage = 'account' | 'login' | Way | 'create' | 'forgot' | 'consent' | 'organization';

/** The next step of a sign-in: a page of ours, or a result for the engine. */
export type Step =
  | { kind: 'page'; page: Page }
  /** The user proved who they are; `answered` names the other prompts that this settles. */
  | { kind: 'signed-in'; answered: readonly PromptName[] }
  /** The account of the session was chosen. */
  | { kind: 'chosen' }
  /** More was wished for than the user can prove: the session stays what it is. */
  | { kind: 'unchanged' }
  /** The session was proved too long ago to add a factor: its user proves again who they are. */
  | { kind: 'start-over' };

/** The part of a question that decides. */
export type Question = {
  prompt: PromptName;
  /** Whether the browser brought the session of a user who may still sign in. */
  hasSession: boolean;
  /** Whether that user is asked to prove again who they are. */
  isAgain: boolean;
  /** The level that the relying party requests. */
  asked: AskedLevel | null;
  /** The first method after the email address: the last one in this browser, or by policy; the same for every user. */
  firstWay: Way;
  /** The typed address, or the request itself, leads to an upstream provider. */
  isLed: boolean;
  /** The address is known from the session, and the first page would send a code: the user says first that they want one. */
  mustType: boolean;
  /** `choice`: this browser remembers accounts, and the user chooses one first. `some`: it remembers accounts. */
  remembered: 'none' | 'some' | 'choice';
};

type Chosen = Pick<Progress, 'chosen' | 'wants'>;
type Known = Chosen & Pick<Progress, 'skipped'> & { identifier: string | null };
type Proved = Pick<Facts, 'userId' | 'proofs' | 'reached' | 'isFresh'>;

/** The open question of a sign-in: consent, the organization, the choice of an account, a first proof, or more proofs of a known user. */
type Stage = 'consent' | 'organization' | 'choice' | 'first-proof' | 'known';

function stageOf({ prompt, hasSession }: Question, { chosen }: Pick<Progress, 'chosen'>, { userId }: Proved): Stage {
  if (userId !== null) return 'known';
  if (!hasSession || chosen === 'another') return 'first-proof';
  if (prompt === 'consent' || prompt === 'organization') return prompt;
  return prompt === 'select_account' ? 'choice' : 'first-proof';
}

/** The one place that knows the order of the steps: pure, so that a table can test it. `requirements` are of the user who has proved something. */
export function nextStep(question: Question, known: Known, proved: Proved, requirements: Requirements | null): Step {
  const stage = stageOf(question, known, proved);
  switch (stage) {
    case 'consent':
    case 'organization':
      return page(stage);
    case 'choice':
      return known.chosen === 'session' ? { kind: 'chosen' } : page('account');
    case 'first-proof':
      return proveIdentity(question, known);
    case 'known': {
      if (requirements === null) throw new Error('a user who has proved something has requirements');
      // Ahead of the second factor: a sign-in that does not count must not add one.
      if (requirements.refusal !== null) return page('restriction');
      const before = moreProof(question, proved, requirements) ?? outstanding(known, proved, requirements);
      if (before !== null) return before;
      return proved.proofs.length === 0
        ? { kind: 'unchanged' }
        : { kind: 'signed-in', answered: settled(question.prompt) };
    }
  }
}

/** Whether a page may be used now. A page that is not required records nothing. */
export function isOpenNow(
  name: EarlyPage,
  question: Question,
  known: Pick<Progress, 'chosen'>,
  proved: Proved,
): boolean {
  const { isAgain, remembered } = question;
  const stage = stageOf(question, known, proved);
  if (name === 'consent' || name === 'organization') return stage === name;
  // Also after the choice of another account, as long as nothing is proved.
  if (name === 'account')
    return (
      stage !== 'known' && (isSessionAsked(question) || (remembered !== 'none' && !isAgain && stage === 'first-proof'))
    );
  // A user who types another address starts from nothing.
  if (name === 'login') return stage === 'first-proof' || stage === 'known';
  // A user who is asked again has an account.
  if (name === 'create') return stage === 'first-proof' && !isAgain;
  // A way to begin, or the way to a new password.
  return stage === 'first-proof';
}

/** Whether a request is about the user of the session, so that the chooser offers that session. */
export const isSessionAsked = ({ prompt, hasSession }: Pick<Question, 'prompt' | 'hasSession'>): boolean =>
  hasSession && (prompt === 'consent' || prompt === 'organization' || prompt === 'select_account');

/** A user who has just signed in has thereby chosen an account. */
const settled = (prompt: PromptName): readonly PromptName[] =>
  prompt === 'select_account' || prompt === 'create' ? [prompt] : [];

const page = (name: Page): Step => ({ kind: 'page', page: name });

function proveIdentity(
  { prompt, firstWay, isLed, mustType, remembered }: Question,
  { identifier, wants }: Known,
): Step {
  if (wants === 'account' || (prompt === 'create' && wants !== 'sign-in')) return page('create');
  if (isLed || (identifier !== null && !mustType)) return page(firstWay);
  return page(remembered === 'choice' ? 'account' : 'login');
}

/** The second factor, or the way to one; null when what was proved is enough. */
function moreProof({ asked }: Question, { reached, isFresh }: Proved, requirements: Requirements): Step | null {
  const needed = neededLevel(asked, reached, requirements);
  if (needed === null) return null;
  if (canReach(needed, requirements)) return page('second-factor');
  // A factor that cannot be used now is not one that never was: the page says who helps, and adds nothing.
  if (reached < 2 && requirements.hasConfirmed) return page('second-factor');
  return isFresh ? page('enrol-factor') : { kind: 'start-over' };
}

/** The level that must be reached now; null when what was proved is enough. */
export function neededLevel(asked: AskedLevel | null, reached: Level | 0, requirements: Requirements): Level | null {
  const demanded = Math.max(
    // A trusted browser replaces the second factor of the policy; it does not count as a factor for a relying party.
    requirements.isTrusted && requirements.required <= 2 ? 1 : requirements.required,
    asked?.essential ? asked.level : 1,
  ) as Level;
  if (reached < demanded) {
    // A user adds a factor only after proving an existing one: otherwise a password would suffice to add it.
    return reached < 2 && canReach(2, requirements) && !canReach(demanded, requirements) ? 2 : demanded;
  }
  // A voluntary level is requested once, from users who can reach it: any second factor suffices.
  return asked !== null && reached < 2 && reached < asked.level && canReach(asked.level, requirements) ? 2 : null;
}

function canReach(level: Level, { factors }: Requirements): boolean {
  return level < 3 ? factors.length > 0 : factors.some((factor) => methods[factor].cannotBePhished);
}

function outstanding({ skipped }: Known, { reached, isFresh }: Proved, requirements: Requirements): Step | null {
  // Offers add factors, which must not be possible for a user who skipped existing factors.
  const mayAdd = isFresh && ((requirements.factors.length === 0 && !requirements.hasConfirmed) || reached >= 2);
  const offers = mayAdd ? requirements.offers.filter((offer) => !skipped.includes(offer)) : [];
  const due = requirements.tasks[0] ?? offers[0];
  return due === undefined ? null : page(due);
}

import { type Factor, secondFactors } from '#credentials/module.ts';
import type { Level, Refusal, Spared } from '#oidc/module.ts';

/** Tasks that a user must finish before a sign-in completes, in their order. */
const tasks = ['recovery-codes', 'new-password', 'verify-email', 'first-passkey', 'terms', 'profile'] as const;
export type Task = (typeof tasks)[number];

/** Optional tasks before a sign-in completes; `action=skip` declines one. */
const offers = ['enrol-factor', 'offer-passkey'] as const;
export type Offer = (typeof offers)[number];

/** Requirements of a sign-in for a user with a proof. They are data, so that the order of steps stays a pure function. */
export type Requirements = {
  /** Second factors that this user holds and may use now, the strongest first. */
  factors: readonly Factor[];
  /** A second factor was confirmed and not taken away since: none is added before level 2 is proved, whether it can be used or not. */
  hasConfirmed: boolean;
  /** The least level by policy and risk. A relying party's wish is in the question, not here. */
  required: Level;
  /** This browser was trusted with the second factor: that satisfies `required` up to 2, and never a relying party. */
  isTrusted: boolean;
  /** Why a second factor that the policy demands is not asked for. */
  spared: Spared | null;
  /** An organization of the user does not take this sign-in, whatever more is proved: from here, or begun in this way. */
  refusal: Refusal | null;
  tasks: readonly Task[];
  offers: readonly Offer[];
};

/** The requirements of one step. */
export type StepRequirements = Partial<Requirements> & {
  /**
   * The sign-in is unlike its user: a second factor is asked for, in a trusted browser too. `standIn` takes its place for a user
   * who has none; where nothing can, nothing more is asked.
   */
  suspicion?: { standIn: readonly Factor[] };
};

/** Puts together what the steps require: the strictest level, everything that is asked. */
export function requirementsOf(parts: readonly StepRequirements[]): Requirements {
  const held = parts.flatMap((part) => part.factors ?? []);
  const hasConfirmed = parts.some((part) => part.hasConfirmed === true);
  const standIn = parts.flatMap(({ suspicion }) => suspicion?.standIn ?? []);
  // Of a user with a factor that cannot be used now the mailbox is no stand-in either.
  const holdsFactor = hasConfirmed || held.length > 0;
  const isSuspicious = parts.some(({ suspicion }) => suspicion !== undefined) && (holdsFactor || standIn.length > 0);
  const factors = holdsFactor ? held : standIn;
  const asked = new Set<string>(parts.flatMap((part) => [...(part.tasks ?? []), ...(part.offers ?? [])]));
  return {
    factors: secondFactors.filter((factor) => factors.includes(factor)),
    hasConfirmed,
    required: Math.max(isSuspicious ? 2 : 1, ...parts.map((part) => part.required ?? 1)) as Level,
    spared: parts.find(({ spared }) => spared)?.spared ?? null,
    isTrusted: parts.some((part) => part.isTrusted === true) && !isSuspicious,
    refusal: parts.find((part) => (part.refusal ?? null) !== null)?.refusal ?? null,
    tasks: tasks.filter((task) => asked.has(task)),
    offers: offers.filter((offer) => asked.has(offer)),
  };
}

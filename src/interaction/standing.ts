import { type Factor, secondFactors } from '#credentials/module.ts';
import type { Level } from '#oidc/module.ts';

/** What a person must have done before a sign-in ends, in the order in which it is asked. */
export const tasks = ['recovery-codes', 'new-password', 'verify-email', 'first-passkey', 'terms', 'profile'] as const;
export type Task = (typeof tasks)[number];

/** What a person may do before a sign-in ends, or leave (`action=skip`). */
export const offers = ['enrol-factor', 'offer-passkey'] as const;
export type Offer = (typeof offers)[number];

/** What policy and account say about somebody who has proved who they are. Data, so that the order of steps stays pure. */
export type Standing = {
  /** Second factors that this person holds and may use now, the strongest first. */
  factors: readonly Factor[];
  /** A second factor was confirmed and not taken away since: none is added before level 2 is proved, whether it can be used or not. */
  hasConfirmed: boolean;
  /** The least level by policy and risk. A relying party's wish is in the question, not here. */
  required: Level;
  /** This browser was trusted with the second factor: that satisfies `required` up to 2, and never a relying party. */
  isTrusted: boolean;
  tasks: readonly Task[];
  offers: readonly Offer[];
};

/** What one slice knows of it. */
export type StandingPart = Partial<Standing> & {
  /** Something about this sign-in is odd: being a trusted browser does not help. */
  isSuspicious?: boolean;
};

/** Puts together what the slices say: the strictest level, everything that is asked. */
export function standingOf(parts: readonly StandingPart[]): Standing {
  const factors = parts.flatMap((part) => part.factors ?? []);
  const asked = new Set<string>(parts.flatMap((part) => [...(part.tasks ?? []), ...(part.offers ?? [])]));
  return {
    factors: secondFactors.filter((factor) => factors.includes(factor)),
    hasConfirmed: parts.some((part) => part.hasConfirmed === true),
    required: Math.max(1, ...parts.map((part) => part.required ?? 1)) as Level,
    isTrusted: parts.some((part) => part.isTrusted === true) && !parts.some((part) => part.isSuspicious === true),
    tasks: tasks.filter((task) => asked.has(task)),
    offers: offers.filter((offer) => asked.has(offer)),
  };
}

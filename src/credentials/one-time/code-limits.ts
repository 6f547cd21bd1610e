import { DAY, MINUTE } from '#kernel/clock.ts';
import type { Purpose } from './one-time-secret.ts';

/** At most `most` within a sliding time. */
export type Within = Readonly<{ most: number; within: number }>;
/** How often a code may be asked for, and how often one may be typed. */
type Rates = Readonly<{ asks: readonly Within[]; tries: readonly Within[] }>;

const quarterHour = (most: number): Within => ({ most, within: 15 * MINUTE });
const day = (most: number): Within => ({ most, within: DAY });

/** All browsers together that the account does not know, on all nodes: a stranger can use this up. */
export const unknownBrowsers: Rates = { asks: [quarterHour(3), day(10)], tries: [quarterHour(15), day(50)] };
/** Each browser that the account knows: no other browser can use this up. */
export const knownBrowser: Rates = { asks: [quarterHour(3), day(10)], tries: [day(20)] };
/**
 * All known browsers of an account together. Five of them reach it, and a browser that never signed in to the account cannot; it bounds
 * an intruder who signed in from many browsers before they were locked out.
 */
export const knownBrowsersTogether: Rates = { asks: [day(30)], tries: [day(100)] };

type CodeRule = Readonly<{
  /** Tries of purposes with the same word are counted together: what they open is the same. A success ends what is open of all of them. */
  group: string;
  /**
   * Whether a known browser has its own rates. Not where the guesser may be the owner of the account, who can make any number
   * of browsers known: whose number or address it is remains to be proved.
   */
  ownRates: boolean;
  /**
   * The older codes that a new one ends after it is sent. `browser`: codes that this browser requested. `less-trusted`:
   * codes of unknown browsers, and from a known browser all. `all`: every code of the account.
   */
  ends: 'browser' | 'less-trusted' | 'all';
}>;

/** Codes and links that a browser can request, each with its rule. All others are sent only by the product or the operator. */
export const codeRules = {
  sign_in: { group: 'sign_in', ownRates: true, ends: 'browser' },
  sign_in_sms: { group: 'sign_in', ownRates: true, ends: 'browser' },
  /** In addition, tries count as tries of any second factor (second-factor-attempts.ts). */
  second_factor: { group: 'second_factor', ownRates: true, ends: 'browser' },
  second_factor_sms: { group: 'second_factor', ownRates: true, ends: 'browser' },
  /** A link alone. It works in any browser, so the newest mail always helps; a link for an unknown browser does not end the link of a known one. */
  password_reset: { group: 'password_reset', ownRates: true, ends: 'less-trusted' },
  registration: { group: 'registration', ownRates: false, ends: 'browser' },
  waitlist: { group: 'waitlist', ownRates: false, ends: 'browser' },
  verify_email: { group: 'verify_email', ownRates: false, ends: 'browser' },
  verify_phone: { group: 'verify_phone', ownRates: false, ends: 'browser' },
  /** A newer change ends an older one that waits, whichever browser of the account asked for it. */
  change_email: { group: 'change_email', ownRates: false, ends: 'all' },
} as const satisfies Partial<Record<Purpose, CodeRule>>;

/** The limits of a purpose; null if no browser can request it. */
export const ruleOf = (purpose: Purpose): CodeRule | null =>
  (codeRules as Partial<Record<Purpose, CodeRule>>)[purpose] ?? null;

/** Purposes of the same group, the purpose itself among them. */
export function groupOf(purpose: Purpose): readonly Purpose[] {
  const group = ruleOf(purpose)?.group;
  if (group === undefined) return [purpose];
  return (Object.keys(codeRules) as (keyof typeof codeRules)[]).filter((each) => codeRules[each].group === group);
}

import { type Clock, fromNow } from '#kernel/clock.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import type { Language } from '#kernel/i18n.ts';
import type { OwnerNoticeDependencies } from '#directory/users/module.ts';
import { SIGN_IN_BEFORE_ACT } from '../lifetimes.ts';
import type { OneTimeSecrets } from './one-time-secrets.ts';

type Dependencies = {
  clock: Clock;
  issuer: string;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue'>;
  /** Where an address is, in words; null where that is not known. */
  place(ip: string, language: Language): string | null;
};

/**
 * The facts of an act in mails to the owner of an account, the same in each, and the link "This was not me". It undoes what was added since
 * the sign-in before the act, which it names by its time (undo-right.ts).
 */
export function describeActs({
  clock,
  issuer,
  oneTimeSecrets,
  place: placeOf,
}: Dependencies): OwnerNoticeDependencies['describeAct'] {
  return async (em, { owner, visitor, language, isSignIn, isPrimary }) => {
    const at = clock.now();
    if (visitor === undefined) return { at, device: null, ip: null, place: null, notMeUrl: null };
    const { ip, userAgent } = visitor;
    const { browser, system } = deviceName(userAgent);
    const place = placeOf(ip, language);
    const facts = { at, device: [browser, system].filter((part) => part !== null).join(', ') || null, ip, place };
    if (!isPrimary || !owner.email) return { ...facts, notMeUrl: null };
    const began = isSignIn ? at : fromNow(clock, -SIGN_IN_BEFORE_ACT);
    const { link } = await oneTimeSecrets.issue(em, {
      purpose: 'end_sign_in',
      holder: { userId: owner.id },
      address: owner.email,
      form: 'link',
      keepsOlder: true,
      data: { at: began.toISOString(), toldAt: at.toISOString(), isSignIn, browser, system, place, ip },
    });
    return { ...facts, notMeUrl: link === null ? null : `${issuer}/not-me?token=${link}` };
  };
}

import type { Clock } from '#kernel/clock.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { chooseLanguage } from '#kernel/i18n.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { readUser } from '#users/module.ts';
import { factorLetter } from './factor-letter.ts';
import type { FactorNotice, TellOwner } from './second-factor-notice.ts';

type Dependencies = {
  clock: Clock;
  letters: Pick<Letters, 'send'>;
  /** Where people see how they sign in. */
  securityUrl: string;
};

/** Writes to the owner, in their language, whatever happens to what they prove themselves with. */
export function tellOwnerByMail({ clock, letters, securityUrl }: Dependencies): TellOwner {
  return async (em, notice) => {
    const user = await readUser(em, notice.userId);
    if (!user) return;
    const { kind, visitor } = notice;
    await letters.send(
      factorLetter,
      {
        kind,
        to: { address: user.email },
        language: chooseLanguage({ uiLocales: user.profile.locale }),
        context: {
          kind,
          ...particulars(notice),
          at: clock.now(),
          device: visitor ? deviceText(visitor.userAgent) : null,
          ip: visitor?.ip ?? null,
          securityUrl,
        },
      },
      em,
    );
  };
}

function particulars(notice: FactorNotice): { name: string | null; left: number | null; reason: string | null } {
  return {
    name: 'name' in notice ? notice.name : null,
    left: notice.kind === 'recovery_code_used' ? notice.left : null,
    reason: notice.kind === 'reset' ? notice.reason : null,
  };
}

function deviceText(userAgent: string): string | null {
  const { browser, system } = deviceName(userAgent);
  return [browser, system].filter((part) => part !== null).join(', ') || null;
}

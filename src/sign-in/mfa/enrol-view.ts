import { type Enrolment, methods } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

/** With the note after its name. */
type ShownChoice = { method: Enrolment; icon: string };

type EnrolPage = {
  /** Where the form posts to: `method` is one of the choices; button `action=skip` where it may be put off. */
  action: string;
  account: ShownAccount;
  changeUrl: string;
  /** Factors that can be added, the recommended one first; empty when no allowed factor would suffice. */
  choices: readonly ShownChoice[];
  /** Whether an organization of the user can help. */
  isMember: boolean;
  /** Until when it may be put off; null when it may not. */
  graceEnd: Date | null;
};

/** A second factor on the page that offers it, with its icon. */
export const shownChoice = (method: Enrolment): ShownChoice => ({ method, icon: methods[method].icon });

const plain: EnrolPage = {
  action: '/interaction/4Tj2/enrol-factor',
  account: { name: null, identifier: 'noor@fernway.example' },
  changeUrl: '/interaction/4Tj2/login',
  choices: (['passkey', 'totp'] as const).map(shownChoice),
  isMember: false,
  graceEnd: null,
};

export const enrolView = view<EnrolPage>('sign-in/mfa/enrol.njk', {
  samples: {
    plain,
    'may be put off': { ...plain, graceEnd: new Date('2026-11-29T10:31:00Z') },
    'app first': { ...plain, choices: (['totp', 'passkey'] as const).map(shownChoice) },
    'nothing to choose': { ...plain, choices: [] },
    'nothing to choose, of an organization': { ...plain, choices: [], isMember: true },
    hostile: { ...plain, account: { name: '"><b>', identifier: '"><img src=x onerror=alert(1)>@evil.example' } },
  },
});

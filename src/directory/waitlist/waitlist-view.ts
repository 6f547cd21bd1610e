import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

type Throttled = { kind: 'throttled'; until: Date; waitSeconds: number };
const throttled: Throttled = { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 2270 };
const longEmail = `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example`;

/** The page to join the waitlist. */
export type JoinPage = {
  /** Where the form posts to. Fields: `name`, `email`; button `action=continue`. */
  action: string;
  name: string;
  email: string;
  errors: { name: 'required' | 'too_long' | null; email: 'required' | 'email' | null };
  /** `work`: the browser has not solved what it was asked. */
  problem: Throttled | { kind: 'work' } | null;
  /** The challenge that the browser must solve first, during an attack. */
  challenge: string | null;
};

const join: JoinPage = {
  action: '/waitlist',
  name: '',
  email: '',
  errors: { name: null, email: null },
  problem: null,
  challenge: null,
};

export const joinView = view<JoinPage>('directory/waitlist/join.njk', {
  samples: {
    plain: join,
    empty: { ...join, errors: { name: 'required', email: 'required' } },
    'not an address': { ...join, name: 'N'.repeat(300), email: 'noor', errors: { name: 'too_long', email: 'email' } },
    'under pressure': {
      ...join,
      problem: { kind: 'work' },
      challenge:
        '{"parameters":{"algorithm":"SHA-256","cost":1,"keyLength":32,"keyPrefix":"9f","nonce":"00112233","salt":"44556677"},"signature":"ab"}',
    },
    throttled: { ...join, name: 'Noor Haddad', email: 'noor@fernway.example', problem: throttled },
    hostile: { ...join, name: '"><script>alert(1)</script>', email: '" autofocus onfocus="alert(1)' },
  },
});

/** Where the code of the mail is typed. */
export type CodePage = {
  /** Where both forms post to. Field `code`; buttons `action=continue` and `action=resend`. */
  action: string;
  email: string;
  changeUrl: string;
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
  problem: { kind: 'required' | 'incomplete' | 'wrong' | 'used_up' } | Throttled | null;
};

const code: CodePage = {
  action: '/waitlist/check',
  email: 'noor@fernway.example',
  changeUrl: '/waitlist',
  resent: null,
  problem: null,
};

export const codeView = view<CodePage>('directory/waitlist/check.njk', {
  samples: {
    plain: code,
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...code, resent }])),
    incomplete: { ...code, problem: { kind: 'incomplete' } },
    wrong: { ...code, problem: { kind: 'wrong' } },
    throttled: { ...code, problem: throttled },
    hostile: { ...code, email: '"><b>@evil.example', problem: { kind: 'used_up' } },
    long: { ...code, email: longEmail, problem: { kind: 'required' } },
  },
});

/** Where the link of the mail leads; the button puts the address on the list. */
type ConfirmPage = { action: string; email: string };

const confirm: ConfirmPage = { action: '/waitlist/confirm/q0E4Tj2mQ8xV', email: 'noor@fernway.example' };

export const confirmView = view<ConfirmPage>('directory/waitlist/confirm.njk', {
  samples: {
    plain: confirm,
    hostile: { ...confirm, email: '"><b>@evil.example' },
    long: { ...confirm, email: longEmail },
  },
});

/** The result. */
type EndPage = {
  outcome: 'joined' | 'expired';
  /** Where to ask again; null when it is done, or there is no list any more. */
  nextUrl: string | null;
};

export const endView = view<EndPage>('directory/waitlist/end.njk', {
  samples: {
    joined: { outcome: 'joined', nextUrl: null },
    expired: { outcome: 'expired', nextUrl: '/waitlist' },
    'expired, no list': { outcome: 'expired', nextUrl: null },
  },
});

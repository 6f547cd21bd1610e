import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

/** The page for the code of the mail. It looks the same for a free and for a taken address. */
export type CheckPage = {
  /** Where both forms post to. Field `code`; buttons `action=continue` and `action=resend`. */
  action: string;
  /** Where the mail went. */
  email: string;
  /** For another address; all else that was typed stays. */
  changeUrl: string;
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
  problem: CheckProblem | null;
};

type CheckProblem =
  | { kind: 'required' | 'incomplete' | 'wrong' }
  /** Too many wrong codes: a new one is needed. */
  | { kind: 'used_up' }
  /** Too many mails were asked for from here. */
  | { kind: 'throttled'; until: Date; waitSeconds: number };

const plain: CheckPage = {
  action: '/interaction/4Tj2/create/check',
  email: 'noor@fernway.example',
  changeUrl: '/interaction/4Tj2/create/address',
  resent: null,
  problem: null,
};

export const checkView = view<CheckPage>('sign-in/registration/check.njk', {
  samples: {
    plain,
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...plain, resent }])),
    empty: { ...plain, problem: { kind: 'required' } },
    incomplete: { ...plain, problem: { kind: 'incomplete' } },
    wrong: { ...plain, problem: { kind: 'wrong' } },
    'used up': { ...plain, problem: { kind: 'used_up' } },
    throttled: {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 2270 },
    },
    hostile: { ...plain, email: '"><img src=x onerror=alert(1)>@evil.example', problem: { kind: 'wrong' } },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

/** The page that edits the address of a registration, and nothing else of it (WCAG 2.2, 3.3.7). */
export type AddressPage = {
  /** Where the form posts to. Field `email`; button `action=continue`. */
  action: string;
  email: string;
  /** Back to the page for the code. */
  backUrl: string;
  /** In the mode `domains`, whose addresses can be used. */
  domains: readonly string[];
  error: 'required' | 'email' | 'domain' | null;
  problem: Extract<CheckProblem, { kind: 'throttled' }> | { kind: 'work' } | null;
  /** The challenge that the browser must solve first, during an attack. */
  challenge: string | null;
};

const address: AddressPage = {
  action: '/interaction/4Tj2/create/address',
  email: 'noor@fernway.example',
  backUrl: '/interaction/4Tj2/create/check',
  domains: [],
  error: null,
  problem: null,
  challenge: null,
};

export const addressView = view<AddressPage>('sign-in/registration/address.njk', {
  samples: {
    plain: address,
    empty: { ...address, email: '', error: 'required' },
    'not an address': { ...address, email: 'noor at fernway', error: 'email' },
    'another domain': { ...address, domains: ['orchard.example'], error: 'domain' },
    'of three domains': { ...address, domains: ['fernway.example', 'orchard.example', 'tally.example'] },
    throttled: {
      ...address,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 2270 },
    },
    'under pressure': {
      ...address,
      problem: { kind: 'work' },
      challenge:
        '{"parameters":{"algorithm":"SHA-256","cost":1,"keyLength":32,"keyPrefix":"9f","nonce":"00112233","salt":"44556677"},"signature":"ab"}',
    },
    hostile: { ...address, email: '" autofocus onfocus="alert(1)', domains: ['"><b>x</b>'], error: 'email' },
  },
});

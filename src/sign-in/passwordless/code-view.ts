import { type OtherWay, rememberedWho, unknownWho, type WhoShown } from '#sign-in/interaction/module.ts';
import { type Resent, resentSamples } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type CodePage = WhoShown & {
  channel: 'email' | 'sms';
  /** The sent secrets: a link alone needs no code field. */
  sent: 'both' | 'code' | 'link';
  /** Where the code goes. Fields: `code`, `remember`; button `action=continue`. */
  action: string;
  /** Asks for a new one; button `action=resend`. */
  resendAction: string;
  /** The typed email address, with or without an account. */
  email: string;
  remember: boolean | null;
  otherWays: readonly OtherWay[];
  problem: CodeProblem | null;
  /** The answer to the button that asks again, once. */
  resent: Resent | null;
};

/** `used_up`: too many tries. Each is the same where there is no such account. */
type CodeProblem = 'required' | 'incomplete' | 'wrong' | 'used_up';

const plain: CodePage = {
  ...unknownWho,
  channel: 'email',
  sent: 'both',
  action: '/interaction/4Tj2/email-code',
  resendAction: '/interaction/4Tj2/email-code/resend',
  email: 'noor@fernway.example',
  remember: false,
  otherWays: [
    { way: 'password', url: '/interaction/4Tj2/password' },
    { way: 'passkey', url: '/interaction/4Tj2/passkey' },
  ],
  problem: null,
  resent: null,
};
const sms: CodePage = {
  ...plain,
  channel: 'sms',
  sent: 'code',
  action: '/interaction/4Tj2/sms-code',
  resendAction: '/interaction/4Tj2/sms-code/resend',
};

export const codeView = view<CodePage>('sign-in/passwordless/code.njk', {
  samples: {
    plain,
    'code alone': { ...plain, sent: 'code' },
    'link alone': { ...plain, sent: 'link' },
    remembered: { ...plain, ...rememberedWho, remember: true },
    'only way': { ...plain, otherWays: [] },
    empty: { ...plain, problem: 'required' },
    incomplete: { ...plain, problem: 'incomplete' },
    wrong: { ...plain, remember: true, problem: 'wrong' },
    'used up': { ...plain, problem: 'used_up' },
    'text message': sms,
    'text message, wrong': { ...sms, problem: 'wrong' },
    ...Object.fromEntries(Object.entries(resentSamples).map(([name, resent]) => [name, { ...plain, resent }])),
    hostile: { ...plain, email: '"><script>alert(1)</script>@evil.example' },
    long: { ...plain, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

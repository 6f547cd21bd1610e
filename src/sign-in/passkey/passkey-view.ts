import { type OtherWay, rememberedWho, type WhoShown } from '#sign-in/interaction/module.ts';
import { view } from '#kernel/views.ts';

export type PasskeyPage = Omit<WhoShown, 'changeUrl'> & {
  /** Where the form posts to. Fields: `credential`, `failure`, filled in by passkey.js; button `action=continue`. */
  action: string;
  /** Whether it comes behind another factor. */
  isSecondFactor: boolean;
  /** The typed email address; null before it. */
  email: string | null;
  /** The address for another user; null where another user is impossible. */
  changeUrl: string | null;
  /** Where the other ways are; null where they are all here. */
  otherUrl: string | null;
  otherWays: readonly OtherWay[];
  /** The box "Keep me signed in"; null where a first factor was asked before. */
  remember: boolean | null;
  /** The request to the authenticator as JSON. */
  options: string;
  /** Tells the browser to forget an unknown passkey: the input of the Signal API, as JSON. */
  forget: string | null;
  problem: PasskeyProblem | null;
};

type PasskeyProblem =
  /** The authenticator gave no answer. */
  | { kind: 'cancelled' | 'timed_out' | 'unsupported' | 'failed' }
  /** The answer came too late, or twice. */
  | { kind: 'expired' }
  /** The passkey is unknown. */
  | { kind: 'unknown' }
  /** It may have been copied. */
  | { kind: 'flagged' }
  /** Whatever else is wrong with it: the page does not tell. */
  | { kind: 'refused' }
  | { kind: 'throttled'; until: Date; waitSeconds: number };

const plain: PasskeyPage = {
  name: null,
  lastUsed: null,
  again: null,
  forgetAccount: null,
  continuesTo: null,
  remember: false,
  action: '/interaction/4Tj2/passkey',
  isSecondFactor: false,
  email: null,
  changeUrl: null,
  otherUrl: '/interaction/4Tj2/login',
  otherWays: [],
  options: '{"challenge":"AAAA","rpId":"id.fernway.example","allowCredentials":[]}',
  forget: null,
  problem: null,
};
const withAddress: PasskeyPage = {
  ...plain,
  email: 'noor@fernway.example',
  changeUrl: '/interaction/4Tj2/login',
  otherUrl: null,
  otherWays: [
    { way: 'password', url: '/interaction/4Tj2/password' },
    { way: 'email-code', url: '/interaction/4Tj2/email-code' },
  ],
};
const second: PasskeyPage = {
  ...plain,
  action: '/interaction/4Tj2/second-factor/passkey',
  isSecondFactor: true,
  remember: null,
  email: 'noor@fernway.example',
  otherUrl: '/interaction/4Tj2/second-factor/methods',
};

export const passkeyView = view<PasskeyPage>('sign-in/passkey/passkey.njk', {
  samples: {
    plain,
    'with an address': withAddress,
    remembered: { ...withAddress, ...rememberedWho, lastUsed: 'passkey', remember: true },
    'as a second factor': second,
    cancelled: { ...plain, problem: { kind: 'cancelled' } },
    'timed out': { ...withAddress, problem: { kind: 'timed_out' } },
    'in a browser that cannot': { ...plain, problem: { kind: 'unsupported' } },
    'failed in the browser': { ...plain, problem: { kind: 'failed' } },
    expired: { ...plain, problem: { kind: 'expired' } },
    'not known here': {
      ...plain,
      forget: '{"rpId":"id.fernway.example","credentialId":"AAAA"}',
      problem: { kind: 'unknown' },
    },
    'no longer trusted': { ...second, problem: { kind: 'flagged' } },
    refused: { ...withAddress, problem: { kind: 'refused' } },
    throttled: {
      ...plain,
      problem: { kind: 'throttled', until: new Date('2026-11-22T10:31:00Z'), waitSeconds: 227 },
    },
    hostile: {
      ...withAddress,
      email: '"><img src=x onerror=alert(1)>@evil.example',
      options: '{"challenge":"\\"><script>alert(1)</script>"}',
      forget: '{"credentialId":"\'\\"><script>"}',
    },
    long: { ...withAddress, email: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

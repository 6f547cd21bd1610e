import type { NewPasskeyProblem } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';

export type EnrolPage = {
  /** Where the form posts to. Fields: `credential`, `failure`, filled in by passkey.js; buttons `action=continue` and `skip`. */
  action: string;
  identifier: string;
  /** `offer`: it could be left. `factor`: it is one way to have a second factor. */
  reason: 'offer' | 'factor';
  /** Where the other second factors are; null where none would do. */
  otherUrl: string | null;
  /** The request to the authenticator as JSON; null when the user has the maximum number. */
  options: string | null;
  problem: EnrolProblem | null;
};

export type EnrolProblem = { kind: NewPasskeyProblem };

const offer: EnrolPage = {
  action: '/interaction/4Tj2/offer-passkey',
  identifier: 'noor@fernway.example',
  reason: 'offer',
  otherUrl: null,
  options: '{"challenge":"AAAA"}',
  problem: null,
};
const factor: EnrolPage = {
  ...offer,
  action: '/interaction/4Tj2/enrol-factor/passkey',
  reason: 'factor',
  otherUrl: '/interaction/4Tj2/enrol-factor',
};

export const enrolView = view<EnrolPage>('sign-in/passkey/enrol.njk', {
  samples: {
    'an offer': offer,
    'as a second factor': factor,
    cancelled: { ...offer, problem: { kind: 'cancelled' } },
    'timed out': { ...factor, problem: { kind: 'timed_out' } },
    'there already': { ...factor, problem: { kind: 'exists' } },
    'in a browser that cannot': { ...offer, problem: { kind: 'unsupported' } },
    'failed in the browser': { ...offer, problem: { kind: 'failed' } },
    expired: { ...offer, problem: { kind: 'expired' } },
    refused: { ...offer, problem: { kind: 'refused' } },
    'not allowed': { ...factor, problem: { kind: 'not_allowed' } },
    'another user’s': { ...factor, problem: { kind: 'taken' } },
    full: { ...factor, options: null, problem: { kind: 'full' } },
    hostile: {
      ...offer,
      identifier: '"><b>@evil.example',
      options: '{"user":{"name":"\\"><script>alert(1)</script>"}}',
    },
    long: { ...factor, identifier: `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.example` },
  },
});

import type { NewPasskeyProblem } from '#credentials/module.ts';
import { view } from '#kernel/views.ts';
import { type AccountFrame, hostileFrame, longFrame, sampleFrame } from '../account-frame.ts';

/** Fields: `credential`, `failure`, filled in by passkey.js. */
export type NewPasskeyPage = {
  frame: AccountFrame;
  /** The request to the authenticator as JSON; null when the user has the maximum number. */
  options: string | null;
  problem: { kind: NewPasskeyProblem } | null;
};

const plain: NewPasskeyPage = { frame: sampleFrame, options: '{"challenge":"AAAA"}', problem: null };

export const newPasskeyView = view<NewPasskeyPage>('account/passkeys/new-passkey.njk', {
  samples: {
    plain,
    cancelled: { ...plain, problem: { kind: 'cancelled' } },
    full: { ...plain, options: null, problem: { kind: 'full' } },
    hostile: { ...plain, frame: hostileFrame, options: '{"user":{"name":"\\"><script>alert(1)</script>"}}' },
    long: { ...plain, frame: longFrame },
  },
});

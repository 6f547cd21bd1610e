import { view } from '#kernel/views.ts';

type DeviceCodePage = {
  /** Where the form posts to. Field: `user_code`; button `action=continue`. */
  action: string;
  /** Hidden fields that the receiver of the form needs unchanged, by name. */
  fields: Readonly<Record<string, string>>;
  /** The typed code, or the code in the address that the device showed; empty otherwise. */
  userCode: string;
  problem: DeviceCodeProblem | null;
};

export type DeviceCodeProblem =
  | { kind: 'required' }
  /** Fewer letters than a code has. */
  | { kind: 'incomplete' }
  /** Never issued, or mistyped. */
  | { kind: 'unknown' }
  | { kind: 'expired' }
  | { kind: 'used' }
  | { kind: 'throttled'; until: Date; waitSeconds: number }
  | { kind: 'unavailable' };

const plain: DeviceCodePage = {
  action: '/oidc/device',
  fields: { xsrf: 'b1946ac92492d234' },
  userCode: '',
  problem: null,
};

export const deviceCodeView = view<DeviceCodePage>('sign-in/device/code.njk', {
  samples: {
    plain,
    'filled in': { ...plain, userCode: 'WDJB-MJHT' },
    empty: { ...plain, problem: { kind: 'required' } },
    incomplete: { ...plain, userCode: 'WDJB', problem: { kind: 'incomplete' } },
    unknown: { ...plain, userCode: 'WDJB-MJHX', problem: { kind: 'unknown' } },
    expired: { ...plain, userCode: 'WDJB-MJHT', problem: { kind: 'expired' } },
    used: { ...plain, userCode: 'WDJB-MJHT', problem: { kind: 'used' } },
    throttled: { ...plain, problem: { kind: 'throttled', until: new Date('2026-11-22T10:41:00Z'), waitSeconds: 600 } },
    busy: { ...plain, problem: { kind: 'unavailable' } },
    hostile: {
      ...plain,
      fields: { '"><b>': '"><script>' },
      userCode: '"><script>alert(1)</script>',
      problem: { kind: 'unknown' },
    },
  },
});

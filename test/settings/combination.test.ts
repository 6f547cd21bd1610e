import { describe, expect, test } from 'vitest';
import { combinations, tightened } from '#settings/combination.ts';
import { type PolicyInForce, type Section, sections } from '#settings/policies.ts';
import { type TightenedSection, type Tightening, tighteningSchema } from '#settings/tightening.ts';

/** Settings of the instance by section; what is not given has its default. */
type Given = { readonly [S in Section]?: Readonly<Record<string, unknown>> };
type Row = [section: TightenedSection, member: string, Given, demands: readonly Tightening[], expected: unknown];

function instanceOf(given: Given): PolicyInForce {
  const all = Object.entries(sections).map(([name, schema]) => [name, schema.parse(given[name as Section] ?? {})]);
  return Object.fromEntries(all) as PolicyInForce;
}

const valueOf = (policy: PolicyInForce, section: TightenedSection, member: string): unknown =>
  (policy[section] as Record<string, unknown>)[member];

const usual = ['password', 'passkey', 'emailLink', 'emailCode', 'federation'];
const day = 86_400;

const rows: Row[] = [
  ['signIn', 'methods', {}, [], usual],
  ['signIn', 'methods', {}, [{ signIn: { methods: ['passkey'] } }], ['passkey']],
  ['signIn', 'methods', {}, [{ signIn: { methods: ['emailCode', 'password'] } }], ['password', 'emailCode']],
  ['signIn', 'methods', {}, [{ signIn: { methods: ['smsCode', 'passkey'] } }], ['passkey']],
  [
    'signIn',
    'methods',
    {},
    [{ signIn: { methods: ['passkey', 'password'] } }, { signIn: { methods: ['password', 'emailCode'] } }],
    ['password'],
  ],
  ['signIn', 'methods', {}, [{ signIn: { methods: ['passkey'] } }, { signIn: { methods: ['password'] } }], []],
  ['signIn', 'methods', { signIn: { methods: ['password'] } }, [{ signIn: { methods: ['passkey'] } }], []],
  ['signIn', 'rememberAccounts', {}, [{ signIn: { methods: ['passkey'] } }], true],

  ['mfa', 'enforcement', {}, [{ mfa: { enforcement: 'required' } }], 'required'],
  ['mfa', 'enforcement', { mfa: { enforcement: 'off' } }, [{ mfa: { enforcement: 'optional' } }], 'optional'],
  ['mfa', 'enforcement', { mfa: { enforcement: 'required' } }, [{ mfa: { enforcement: 'optional' } }], 'required'],
  [
    'mfa',
    'enforcement',
    { mfa: { enforcement: 'administrators' } },
    [{ mfa: { enforcement: 'optional' } }],
    'administrators',
  ],
  [
    'mfa',
    'enforcement',
    { mfa: { enforcement: 'administrators' } },
    [{ mfa: { enforcement: 'required' } }],
    'required',
  ],
  ['mfa', 'enforcement', {}, [{ mfa: { enforcement: 'optional' } }, { mfa: { enforcement: 'required' } }], 'required'],
  ['mfa', 'enforcement', {}, [{ mfa: { graceDays: 3 } }], 'optional'],
  ['mfa', 'graceDays', {}, [{ mfa: { enforcement: 'required', graceDays: 7 } }], 7],
  ['mfa', 'graceDays', {}, [{ mfa: { enforcement: 'required' } }], 0],
  ['mfa', 'graceDays', { mfa: { graceDays: 30 } }, [{ mfa: { enforcement: 'required' } }], 30],
  [
    'mfa',
    'graceDays',
    { mfa: { enforcement: 'required', graceDays: 5 } },
    [{ mfa: { enforcement: 'required', graceDays: 14 } }],
    5,
  ],
  ['mfa', 'graceDays', { mfa: { enforcement: 'required', graceDays: 5 } }, [{ mfa: { graceDays: 2 } }], 2],
  [
    'mfa',
    'graceDays',
    { mfa: { enforcement: 'administrators', graceDays: 0 } },
    [{ mfa: { enforcement: 'required', graceDays: 9 } }],
    0,
  ],
  [
    'mfa',
    'graceDays',
    {},
    [{ mfa: { enforcement: 'required', graceDays: 9 } }, { mfa: { enforcement: 'required', graceDays: 4 } }],
    4,
  ],
  ['mfa', 'graceDays', {}, [{ mfa: { enforcement: 'required' } }, { mfa: { graceDays: 9 } }], 0],
  ['mfa', 'factors', {}, [{ mfa: { factors: ['passkey'] } }], ['passkey']],
  ['mfa', 'factors', { mfa: { factors: ['totp'] } }, [{ mfa: { factors: ['passkey', 'totp'] } }], ['totp']],
  ['mfa', 'factors', {}, [{ mfa: { factors: ['passkey'] } }, { mfa: { factors: ['totp'] } }], []],
  ['mfa', 'emailCodes', { mfa: { emailCodes: true } }, [{ mfa: { emailCodes: false } }], false],
  ['mfa', 'emailCodes', {}, [{ mfa: { emailCodes: true } }], false],
  ['mfa', 'smsCodes', { mfa: { smsCodes: true } }, [{ mfa: { smsCodes: true } }, { mfa: { smsCodes: false } }], false],
  ['mfa', 'smsCodes', { mfa: { smsCodes: true } }, [{ mfa: { smsCodes: true } }], true],
  ['mfa', 'trustDays', {}, [{ mfa: { trustDays: 7 } }, { mfa: { trustDays: 14 } }], 7],
  ['mfa', 'trustDays', { mfa: { trustDays: 0 } }, [{ mfa: { trustDays: 7 } }], 0],
  ['mfa', 'totpWindow', {}, [{ mfa: { totpWindow: 0 } }], 0],

  ['password', 'minimumLength', {}, [{ password: { minimumLength: 20 } }], 20],
  ['password', 'minimumLength', {}, [{ password: { minimumLength: 10 } }], 15],
  ['password', 'minimumLength', { password: { minimumLength: 9 } }, [{ password: { minimumLength: 10 } }], 10],
  ['password', 'minimumLength', {}, [{ mfa: { enforcement: 'required' } }], 15],
  [
    'password',
    'minimumLength',
    { mfa: { enforcement: 'required' } },
    [{ password: { minimumLength: 12 } }, { mfa: { enforcement: 'required', graceDays: 3 } }],
    12,
  ],
  ['password', 'minimumScore', {}, [{ password: { minimumScore: 4 } }, { password: { minimumScore: 3 } }], 4],
  ['password', 'minimumScore', {}, [{ password: { minimumScore: 0 } }], 2],
  [
    'password',
    'blockedWords',
    { password: { blockedWords: ['fernway'] } },
    [{ password: { blockedWords: ['acme'] } }, { password: { blockedWords: ['acme', 'fernway'] } }],
    ['fernway', 'acme'],
  ],
  ['password', 'breachCheck', { password: { breachCheck: false } }, [{ password: { breachCheck: true } }], true],
  ['password', 'breachCheck', {}, [{ password: { breachCheck: false } }], true],
  ['password', 'breachUrl', {}, [{ password: { history: 4 } }], 'https://api.pwnedpasswords.com/range/'],
  ['password', 'history', {}, [{ password: { history: 4 } }, { password: { history: 0 } }], 4],

  ['session', 'idleSeconds', {}, [{ session: { idleSeconds: 600 } }], 600],
  ['session', 'idleSeconds', {}, [{ session: { idleSeconds: day } }], 3600],
  ['session', 'absoluteSeconds', {}, [{ session: { absoluteSeconds: 7200 } }, { session: { idleSeconds: 60 } }], 7200],
  [
    'session',
    'rememberSeconds',
    {},
    [{ session: { rememberSeconds: 7 * day } }, { session: { rememberSeconds: day } }],
    day,
  ],

  ['networks', 'allowed', {}, [{ session: { idleSeconds: 600 } }], undefined],
  ['networks', 'allowed', {}, [{ networks: { allowed: ['203.0.113.0/24'] } }], ['203.0.113.0/24']],
  [
    'networks',
    'allowed',
    { networks: { allowed: ['10.1.2.3/8'] } },
    [{ networks: { allowed: ['10.20.0.0/16', '192.0.2.7'] } }],
    ['10.20.0.0/16'],
  ],
  [
    'networks',
    'allowed',
    {},
    [{ networks: { allowed: ['10.20.0.0/16'] } }, { networks: { allowed: ['10.0.0.0/8', '2001:db8::/32'] } }],
    ['10.20.0.0/16'],
  ],
  [
    'networks',
    'allowed',
    {},
    [{ networks: { allowed: ['203.0.113.0/24'] } }, { networks: { allowed: ['198.51.100.0/24'] } }],
    [],
  ],
  [
    'networks',
    'allowed',
    {},
    [{ networks: { allowed: ['2001:db8:1::/48'] } }, { networks: { allowed: ['2001:db8::/32'] } }],
    ['2001:db8:1::/48'],
  ],
  [
    'networks',
    'allowed',
    {},
    [{ networks: { allowed: ['::ffff:192.0.2.0/120'] } }, { networks: { allowed: ['192.0.2.128/25'] } }],
    ['192.0.2.128/25'],
  ],
];

describe('the strictest wins', () => {
  test('in a table of at least forty rows, with each member of each section', () => {
    expect(rows.length).toBeGreaterThanOrEqual(40);
    const members = Object.entries(combinations).flatMap(([section, each]) =>
      Object.keys(each).map((member) => `${section}.${member}`),
    );
    const shaped = Object.keys(combinations).flatMap((section) =>
      Object.keys(sections[section as Section].shape).map((member) => `${section}.${member}`),
    );
    expect(new Set(members)).toEqual(new Set(shaped));
    expect(members.filter((each) => !rows.some(([section, member]) => each === `${section}.${member}`))).toEqual([]);
  });

  test.each(rows)('%s.%s of %j tightened by %j', (section, member, given, demands, expected) => {
    const read = demands.map((each) => tighteningSchema.parse(each));
    const policy = tightened(instanceOf(given), read);
    expect(valueOf(policy, section, member)).toEqual(expected);
    const reversed = valueOf(tightened(instanceOf(given), read.toReversed()), section, member);
    if (Array.isArray(expected)) expect(new Set(reversed as unknown[])).toEqual(new Set(expected));
    else expect(reversed).toEqual(expected);
    // Demanded twice is demanded once.
    expect(valueOf(tightened(instanceOf(given), [...read, ...read]), section, member)).toEqual(expected);
  });

  test('and leaves every other section as it is', () => {
    const policy = instanceOf({});
    const combined = tightened(policy, [{ mfa: { enforcement: 'required' }, networks: { allowed: ['192.0.2.0/24'] } }]);
    for (const section of Object.keys(sections) as Section[])
      if (!Object.hasOwn(combinations, section)) expect(combined[section]).toBe(policy[section]);
  });
});

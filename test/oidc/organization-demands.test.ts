import { expect, test } from 'vitest';
import { sections } from '#settings/module.ts';
import { type ProvedSignIn, type Shortfall, shortfallOf } from '../../src/oidc/authority/organization-demands.ts';

const DAY = 86_400;
const now = 1_900_000_000;
const own = {
  networks: sections.networks.parse({}),
  signIn: sections.signIn.parse({}),
  mfa: sections.mfa.parse({}),
  session: sections.session.parse({}),
};
type Demands = { [S in keyof typeof own]?: Partial<(typeof own)[S]> };
type Given = Omit<Partial<ProvedSignIn>, 'beganIn'>;

const lackOf = (demands: Demands, given: Given = {}): Shortfall | null => {
  const proved: ProvedSignIn = {
    ip: '192.0.2.7',
    beganIn: (methods) => methods.includes('password'),
    level: 1,
    authTime: now - 60,
    spared: undefined,
    isRemembered: false,
    ...given,
  };
  const policy = {
    networks: { ...own.networks, ...demands.networks },
    signIn: { ...own.signIn, ...demands.signIn },
    mfa: { ...own.mfa, ...demands.mfa },
    session: { ...own.session, ...demands.session },
  };
  return shortfallOf(proved, policy, { own, now });
};

const factor = { enforcement: 'required', graceDays: 0, trustDays: 30 } as const;
const grace = { ...factor, graceDays: 7 };
const old = { authTime: now - 8 * DAY };
const spared = (by: 'grace' | 'trust', days: number) => ({ spared: { by, since: now - days * DAY } });

test.each<[string, Demands, Given, Shortfall | null]>([
  ['nothing', {}, {}, null],
  ['a network, from there', { networks: { allowed: ['192.0.2.0/24'] } }, {}, null],
  ['a network, from elsewhere', { networks: { allowed: ['203.0.113.0/24'] } }, {}, 'network'],
  ['a network, from nobody knows where', { networks: { allowed: ['0.0.0.0/0'] } }, { ip: undefined }, 'network'],
  ['a way to begin, the one that was taken', { signIn: { methods: ['password'] } }, {}, null],
  ['a way to begin, another one', { signIn: { methods: ['passkey'] } }, {}, 'way'],
  ['a second factor, with two', { mfa: factor }, { level: 2 }, null],
  ['a second factor, with one', { mfa: factor }, {}, 'factor'],
  ['a second factor, in a trusted browser', { mfa: factor }, spared('trust', 29), null],
  ['a second factor, in a browser that was trusted', { mfa: factor }, spared('trust', 30), 'factor'],
  ['a second factor without trust', { mfa: { ...factor, trustDays: 0 } }, spared('trust', 1), 'factor'],
  ['a second factor soon, after a sign-in just now', { mfa: grace }, {}, null],
  ['a second factor soon, after a sign-in long ago', { mfa: grace }, old, 'again'],
  ['a second factor soon, in the days of grace', { mfa: grace }, { ...old, ...spared('grace', 6) }, null],
  ['a second factor soon, after the days of grace', { mfa: grace }, spared('grace', 7), 'again'],
  ['a second factor now, in former days of grace', { mfa: factor }, spared('grace', 1), 'factor'],
  ['a second factor of administrators', { mfa: { ...factor, enforcement: 'administrators' } }, {}, null],
  ['a short session, in time', { session: { absoluteSeconds: 61 } }, {}, null],
  ['a short session, too late', { session: { absoluteSeconds: 60 } }, {}, 'again'],
  ['a short session, of a remembered one', { session: { absoluteSeconds: 60 } }, { isRemembered: true }, null],
  ['a short memory, too late', { session: { rememberSeconds: 60 } }, { isRemembered: true }, 'again'],
  ['two things: what no proof heals comes first', { networks: { allowed: [] }, mfa: factor }, {}, 'network'],
])('of an organization that demands %s', (_what, demands, given, expected) => {
  expect(lackOf(demands, given)).toBe(expected);
});

test('the policy of the instance alone asks nothing of a sign-in that is over, apart from its network', () => {
  const strict = { ...own, mfa: { ...own.mfa, enforcement: 'required' as const, graceDays: 0 } };
  const proved = { ip: '192.0.2.7', beganIn: () => false, level: 1, authTime: 0, spared: undefined } as const;
  const ofInstance = (policy: typeof strict) =>
    shortfallOf({ ...proved, isRemembered: false }, policy, { own: policy, now });
  expect(ofInstance(strict)).toBeNull();
  expect(ofInstance({ ...strict, networks: { allowed: ['203.0.113.0/24'] } })).toBe('network');
});

import { describe, expect, test } from 'vitest';
import type { Factor } from '#credentials/module.ts';
import { factsOf } from '../../../src/sign-in/interaction/facts.ts';
import {
  isOpenNow,
  nextStep,
  type Page,
  type Question,
  type Step,
} from '../../../src/sign-in/interaction/next-step.ts';
import { nothingYet, type Progress } from '../../../src/sign-in/interaction/progress.ts';
import { amrOfProofs, factorOfAmr, levelOfProofs } from '../../../src/sign-in/interaction/proof.ts';
import { type Requirements, requirementsOf } from '../../../src/sign-in/interaction/requirements.ts';

const someone = 'usr_01h455vb4pex5vsknk084sn02q' as const;
const page = (name: Page): Step => ({ kind: 'page', page: name });
const signedIn = (...answered: ('select_account' | 'create')[]): Step => ({ kind: 'signed-in', answered });
const unchanged: Step = { kind: 'unchanged' };

type Asked = Question & {
  /** The factor of a session of the same user that is made stronger. */
  stepUpFrom: Factor | null;
  /** Seconds since that session was proved. */
  age: number;
};
const question = (prompt: Question['prompt'], more: Partial<Asked> = {}): Asked => ({
  prompt,
  hasSession: (more.stepUpFrom ?? null) !== null,
  isAgain: false,
  asked: null,
  stepUpFrom: null,
  age: 60,
  firstWay: 'password',
  isLed: false,
  mustType: false,
  remembered: 'none',
  ...more,
});
const amr: Partial<Record<Factor, string[]>> = { password: ['pwd'], email: ['otp'] };
const nothingAsked = requirementsOf([]);
const now = 1_900_000_000;
function decide(
  { stepUpFrom, age, ...q }: Asked,
  known: Partial<Progress>,
  requirements: Partial<Requirements> = {},
): Step {
  const session =
    stepUpFrom === null
      ? null
      : {
          id: 's',
          level: 1 as const,
          amr: amr[stepUpFrom] ?? [],
          authTime: now - age,
          connection: null,
          isRemembered: false,
        };
  const progress = { ...nothingYet, ...known };
  const facts = factsOf({ isStepUp: session !== null, session }, progress, session && { id: someone }, now);
  return nextStep(q, progress, facts, known.userId ? { ...nothingAsked, ...requirements } : null);
}
const proved = (...factors: Factor[]): Partial<Progress> => ({
  identifier: 'a@x.example',
  userId: someone,
  proofs: factors.map((factor, at) => ({ factor, amr: [], at })),
});

describe('the first factor uses the first method of the policy', () => {
  const rows: [firstWay: Question['firstWay'], known: Partial<Progress>, step: Step][] = [
    ['password', {}, page('login')],
    ['password', { identifier: 'a@x.example' }, page('password')],
    ['email-code', {}, page('login')],
    ['email-code', { identifier: 'a@x.example' }, page('email-code')],
    ['sms-code', { identifier: 'a@x.example' }, page('sms-code')],
    ['passkey', { identifier: 'a@x.example' }, page('passkey')],
    ['email-code', { identifier: 'a@x.example', wants: 'account' }, page('create')],
    ['email-code', proved('email'), signedIn()],
  ];
  test.each(rows)('%s with %j', (firstWay, known, step) => {
    expect(decide(question('login', { firstWay }), known)).toEqual(step);
  });
});

test('a code is sent to the address of a session after its user has asked for it', () => {
  const asked = question('login', { firstWay: 'email-code', isAgain: true, mustType: true });
  expect(decide(asked, { identifier: 'a@x.example' })).toEqual(page('login'));
});

describe('what a browser remembers comes before the address', () => {
  const rows: [remembered: Question['remembered'], prompt: Question['prompt'], known: Partial<Progress>, step: Step][] =
    [
      ['none', 'login', {}, page('login')],
      ['some', 'login', {}, page('login')],
      ['choice', 'login', {}, page('account')],
      ['choice', 'select_account', {}, page('account')],
      ['choice', 'login', { identifier: 'a@x.example' }, page('password')],
      ['choice', 'create', {}, page('create')],
      ['choice', 'create', { wants: 'sign-in' }, page('account')],
      ['choice', 'login', { wants: 'account' }, page('create')],
      ['choice', 'login', proved('password'), signedIn()],
    ];
  test.each(rows)('%s, %s, %j', (remembered, prompt, known, step) => {
    expect(decide(question(prompt, { remembered }), known)).toEqual(step);
  });

  test.each<[remembered: Question['remembered'], isAgain: boolean, isProven: boolean, isOpen: boolean]>([
    ['none', false, false, false],
    ['some', false, false, true],
    ['choice', false, false, true],
    ['some', true, false, false],
    ['some', false, true, false],
  ])('the chooser with %s remembered, asked again %s, proven %s: open %s', (remembered, isAgain, isProven, isOpen) => {
    const facts = isProven ? { ...proved('password'), userId: someone } : { userId: null };
    const known = { proofs: [], reached: 0, isFresh: false, ...facts } as never;
    expect(isOpenNow('account', question('login', { remembered, isAgain }), { chosen: null }, known)).toBe(isOpen);
  });
});

describe('a session that was authenticated too long ago', () => {
  const old = (asked: Question['asked']): Asked => question('login', { asked, stepUpFrom: 'password', age: 3600 });
  const must = { level: 2, essential: true } as const;
  const wish = { level: 2, essential: false } as const;
  test.each<
    [title: string, asked: Question['asked'], known: Partial<Progress>, requirements: Partial<Requirements>, step: Step]
  >([
    ['adds no factor: its user starts over', must, {}, {}, { kind: 'start-over' }],
    ['is not offered to add one', wish, {}, { offers: ['enrol-factor'] }, unchanged],
    ['is made stronger by a factor that is there', must, {}, { factors: ['totp'] }, page('second-factor')],
    ['leads to help where a factor cannot be used now', must, {}, { hasConfirmed: true }, page('second-factor')],
    ['adds a factor after another proof', must, { chosen: 'another', ...proved('password') }, {}, page('enrol-factor')],
  ])('%s', (_title, asked, known, requirements, step) => {
    expect(decide(old(asked), { userId: someone, ...known }, requirements)).toEqual(step);
  });
});

describe('the first step', () => {
  type Row = [
    prompt: Question['prompt'],
    session: string | null,
    identifier: string | null,
    isProven: boolean,
    chosen: Progress['chosen'],
    step: Step,
  ];
  const rows: Row[] = [
    // prompt         session   identifier      proven   chosen     step
    ['login', null, null, false, null, page('login')],
    ['login', null, 'a@x.example', false, null, page('password')],
    ['login', null, 'a@x.example', true, null, signedIn()],
    ['login', someone, null, false, null, page('login')],
    ['login', someone, 'a@x.example', false, null, page('password')],
    ['login', someone, 'a@x.example', true, null, signedIn()],
    ['login', someone, null, false, 'session', page('login')],
    ['create', null, null, false, null, page('create')],
    ['create', null, 'a@x.example', false, null, page('create')],
    ['create', null, 'a@x.example', true, null, signedIn('create')],
    ['create', someone, null, false, null, page('create')],
    ['select_account', null, null, false, null, page('login')],
    ['select_account', null, 'a@x.example', false, null, page('password')],
    ['select_account', null, 'a@x.example', true, null, signedIn('select_account')],
    ['select_account', null, null, false, 'session', page('login')],
    ['select_account', someone, null, false, null, page('account')],
    ['select_account', someone, null, false, 'session', { kind: 'chosen' }],
    ['select_account', someone, null, false, 'another', page('login')],
    ['select_account', someone, 'a@x.example', false, 'another', page('password')],
    ['select_account', someone, 'a@x.example', true, 'another', signedIn('select_account')],
    ['consent', someone, null, false, null, page('consent')],
    ['consent', someone, 'a@x.example', false, null, page('consent')],
    ['consent', null, null, false, null, page('login')],
    ['consent', someone, null, false, 'session', page('consent')],
    ['consent', someone, null, false, 'another', page('login')],
    ['consent', someone, 'a@x.example', false, 'another', page('password')],
    ['consent', someone, 'a@x.example', true, 'another', signedIn()],
  ];

  test.each(rows)(
    '%s, session %s, typed %s, proven %s, chosen %s',
    (prompt, accountId, identifier, isProven, chosen, step) => {
      const known = isProven ? proved('password') : { identifier };
      expect(decide(question(prompt, { hasSession: accountId !== null }), { ...known, chosen })).toEqual(step);
    },
  );

  test.each([
    ['login', 'account', page('create')],
    ['login', 'sign-in', page('login')],
    ['create', 'account', page('create')],
    ['create', 'sign-in', page('login')],
    ['select_account', 'account', page('create')],
  ] as const)('%s, and the user wants %s', (prompt, wants, step) => {
    expect(decide(question(prompt), { wants })).toEqual(step);
  });

  test('only a proof identifies the user', () => {
    for (const [prompt, accountId, identifier, , chosen] of rows.filter(
      ([prompt]) => prompt === 'login' || prompt === 'create',
    ))
      expect(decide(question(prompt, { hasSession: accountId !== null }), { identifier, chosen }).kind).toBe('page');
  });
});

describe('the required level', () => {
  type Row = [
    title: string,
    proofs: Factor[],
    asked: Question['asked'],
    stepUpFrom: Factor | null,
    requirements: Partial<Requirements>,
    step: Step,
  ];
  const must = (level: 1 | 2 | 3) => ({ level, essential: true });
  const wish = (level: 1 | 2 | 3) => ({ level, essential: false });
  const rows: Row[] = [
    ['a password where nothing more is asked', ['password'], null, null, { factors: ['totp'] }, signedIn()],
    [
      'a password where policy asks for two',
      ['password'],
      null,
      null,
      { required: 2, factors: ['totp'] },
      page('second-factor'),
    ],
    [
      'two factors where policy asks for two',
      ['password', 'totp'],
      null,
      null,
      { required: 2, factors: ['totp'] },
      signedIn(),
    ],
    [
      'the same factor twice',
      ['password', 'password'],
      null,
      null,
      { required: 2, factors: ['totp'] },
      page('second-factor'),
    ],
    [
      'link and code of one mailbox',
      ['email', 'email'],
      null,
      null,
      { required: 2, factors: ['totp'] },
      page('second-factor'),
    ],
    ['mailbox and app', ['email', 'totp'], null, null, { required: 2, factors: ['totp'] }, signedIn()],
    [
      'password and recovery code',
      ['password', 'recovery-code'],
      null,
      null,
      { required: 2, factors: ['totp'] },
      signedIn(),
    ],
    ['a passkey alone', ['passkey'], null, null, { required: 2, factors: ['passkey'] }, signedIn()],
    ['a passkey where 3 is asked', ['passkey'], null, null, { required: 3, factors: ['passkey'] }, signedIn()],
    [
      'password and security key where 3 is asked',
      ['password', 'security-key'],
      null,
      null,
      { required: 3, factors: ['security-key'] },
      signedIn(),
    ],
    [
      'password and app where 3 is asked, with a key',
      ['password', 'totp'],
      null,
      null,
      { required: 3, factors: ['passkey', 'totp'] },
      page('second-factor'),
    ],
    [
      'password and app where 3 is asked, without one',
      ['password', 'totp'],
      null,
      null,
      { required: 3, factors: ['totp'] },
      page('enrol-factor'),
    ],
    ['nothing to prove it with', ['password'], null, null, { required: 2 }, page('enrol-factor')],
    [
      'a factor that was confirmed and cannot be used now',
      ['password'],
      null,
      null,
      { required: 2, hasConfirmed: true },
      page('second-factor'),
    ],
    [
      'a factor that cannot be used now, where the relying party must have three',
      ['password'],
      must(3),
      null,
      { hasConfirmed: true },
      page('second-factor'),
    ],
    [
      'a factor that cannot be used now, and an offer to add one',
      ['password'],
      null,
      null,
      { hasConfirmed: true, offers: ['enrol-factor'] },
      signedIn(),
    ],
    [
      'a recovery code in place of a factor that cannot be used now, and a demand to add one',
      ['password', 'recovery-code'],
      null,
      null,
      { required: 2, factors: ['recovery-code'], hasConfirmed: true, offers: ['enrol-factor'] },
      page('enrol-factor'),
    ],
    [
      'a key to add where an app is there already',
      ['password'],
      must(3),
      null,
      { factors: ['totp'] },
      page('second-factor'),
    ],
    [
      'a key to add by a user who used the app',
      ['password', 'totp'],
      must(3),
      null,
      { factors: ['totp'] },
      page('enrol-factor'),
    ],
    [
      'a wish for three, answered with an app although there is a key',
      ['password', 'totp'],
      wish(3),
      null,
      { factors: ['passkey', 'totp'] },
      signedIn(),
    ],
    [
      'an offer to add a factor, without any',
      ['password'],
      null,
      null,
      { offers: ['enrol-factor'] },
      page('enrol-factor'),
    ],
    [
      'an offer to add a factor, in a trusted browser where the ones that are there were left out',
      ['password'],
      null,
      null,
      { required: 2, factors: ['totp'], isTrusted: true, offers: ['offer-passkey'] },
      signedIn(),
    ],
    [
      'an offer to add a factor, after one was proved',
      ['password', 'totp'],
      null,
      null,
      { required: 2, factors: ['totp'], offers: ['offer-passkey'] },
      page('offer-passkey'),
    ],
    [
      'a trusted browser where policy asks for two',
      ['password'],
      null,
      null,
      { required: 2, factors: ['totp'], isTrusted: true },
      signedIn(),
    ],
    [
      'a trusted browser where policy asks for three',
      ['password'],
      null,
      null,
      { required: 3, factors: ['passkey'], isTrusted: true },
      page('second-factor'),
    ],
    [
      'a trusted browser where the relying party asks for two',
      ['password'],
      must(2),
      null,
      { factors: ['totp'], isTrusted: true },
      page('second-factor'),
    ],
    ['a relying party that must have two', ['password'], must(2), null, { factors: ['totp'] }, page('second-factor')],
    [
      'a relying party that strictly requires two of a user with one',
      ['password'],
      must(2),
      null,
      {},
      page('enrol-factor'),
    ],
    [
      'a relying party that must have two, given',
      ['password', 'totp'],
      must(2),
      null,
      { factors: ['totp'] },
      signedIn(),
    ],
    ['a relying party that must have one', ['password'], must(1), null, { factors: ['totp'] }, signedIn()],
    ['a relying party that wishes for two', ['password'], wish(2), null, { factors: ['totp'] }, page('second-factor')],
    ['a relying party that prefers two of a user with one', ['password'], wish(2), null, {}, signedIn()],
    [
      'a relying party that prefers three of a user with an app',
      ['password'],
      wish(3),
      null,
      { factors: ['totp'] },
      signedIn(),
    ],
    [
      'a wish below what policy asks',
      ['password'],
      wish(1),
      null,
      { required: 2, factors: ['totp'] },
      page('second-factor'),
    ],
    ['a step up, begun', [], must(2), 'password', { factors: ['totp'] }, page('second-factor')],
    ['a step up, done', ['totp'], must(2), 'password', { factors: ['totp'] }, signedIn()],
    [
      'a step up with the factor of the session',
      ['password'],
      must(2),
      'password',
      { factors: ['totp'] },
      page('second-factor'),
    ],
    ['a step up from a session by mail', ['totp'], must(2), 'email', { factors: ['totp'] }, signedIn()],
    [
      'a step up to three by a security key',
      ['security-key'],
      must(3),
      'password',
      { factors: ['security-key'] },
      signedIn(),
    ],
    ['a step up of a user with one factor', [], must(2), 'password', {}, page('enrol-factor')],
    ['a preferred step up, of a user with one factor', [], wish(2), 'password', {}, unchanged],
    ['a preferred step up, of a user with two', [], wish(2), 'password', { factors: ['totp'] }, page('second-factor')],
  ];

  test.each(rows)('%s', (_title, proofs, asked, stepUpFrom, requirements, step) => {
    const q = question('login', { asked, stepUpFrom });
    expect(decide(q, proved(...proofs), requirements)).toEqual(step);
  });
});

describe('other requirements', () => {
  type Row = [title: string, known: Partial<Progress>, requirements: Partial<Requirements>, step: Step];
  const rows: Row[] = [
    ['a new password', {}, { tasks: ['new-password'] }, page('new-password')],
    ['the address', {}, { tasks: ['verify-email'] }, page('verify-email')],
    ['the terms', {}, { tasks: ['terms'] }, page('terms')],
    ['the passkey that was chosen, before the terms', {}, { tasks: ['first-passkey', 'terms'] }, page('first-passkey')],
    ['the profile', {}, { tasks: ['profile'] }, page('profile')],
    ['one after the other', {}, { tasks: ['terms', 'profile'] }, page('terms')],
    ['tasks before offers', {}, { tasks: ['profile'], offers: ['offer-passkey'] }, page('profile')],
    ['an offer', {}, { offers: ['offer-passkey'] }, page('offer-passkey')],
    ['an offer left', { skipped: ['offer-passkey'] }, { offers: ['offer-passkey'] }, signedIn()],
    [
      'a second offer',
      { skipped: ['enrol-factor'] },
      { offers: ['enrol-factor', 'offer-passkey'] },
      page('offer-passkey'),
    ],
    [
      'the second factor before any task',
      {},
      { required: 2, factors: ['totp'], tasks: ['new-password'] },
      page('second-factor'),
    ],
    ['demanded enrolment, whatever was skipped', { skipped: ['enrol-factor'] }, { required: 2 }, page('enrol-factor')],
  ];

  test.each(rows)('%s', (_title, known, requirements, step) => {
    expect(decide(question('login'), { ...proved('password'), ...known }, requirements)).toEqual(step);
  });

  test('a new account needs no second question: the user is signed in', () => {
    expect(decide(question('create'), { ...proved('email'), wants: 'account' })).toEqual(signedIn('create'));
  });
});

describe('the level of proofs', () => {
  test.each<[Factor[], number, string[]]>([
    [[], 0, []],
    [['password'], 1, []],
    [['email'], 1, []],
    [['sms', 'sms'], 1, []],
    [['password', 'sms'], 2, ['mfa']],
    [['security-key'], 1, []],
    [['security-key', 'passkey'], 3, ['mfa']],
    [['passkey'], 3, ['mfa']],
  ])('%j: level %i', (factors, level, amr) => {
    const proofs = factors.map((factor) => ({ factor, amr: [] }));
    expect(levelOfProofs(proofs)).toBe(level);
    expect(amrOfProofs(proofs)).toEqual(amr);
  });

  test.each([
    [['pwd'], 'password'],
    [['otp', 'sms'], 'sms'],
    [['otp'], 'email'],
    [['pop', 'swk'], null],
    [[], null],
  ])('a session proved by %j began with %s', (amr, factor) => {
    expect(factorOfAmr(amr)).toBe(factor);
  });

  test('requirements of slices combine to the strictest', () => {
    expect(
      requirementsOf([
        { factors: ['totp'], required: 2, hasConfirmed: true },
        { factors: ['recovery-code', 'passkey'], tasks: ['profile'] },
        { tasks: ['verify-email'], isTrusted: true, spared: { by: 'trust', since: 1 }, offers: ['offer-passkey'] },
      ]),
    ).toEqual({
      factors: ['passkey', 'totp', 'recovery-code'],
      hasConfirmed: true,
      spared: { by: 'trust', since: 1 },
      required: 2,
      isTrusted: true,
      refusal: null,
      tasks: ['verify-email', 'profile'],
      offers: ['offer-passkey'],
    });
  });
});

import { describe, expect, test } from 'vitest';
import { type Facts, factsOf } from '../../../src/sign-in/interaction/facts.ts';
import { type EarlyPage, isOpenNow, type Question } from '../../../src/sign-in/interaction/next-step.ts';
import { nothingYet, type Progress } from '../../../src/sign-in/interaction/progress.ts';
import type { Factor } from '#credentials/module.ts';

const alice = 'usr_01h455vb4pex5vsknk084sn02q' as const;
const mallory = 'usr_01h455vb4pex5vsknk084sn03r' as const;
const amrOf: Record<string, { amr: string[]; level: 1 | 2 | 3 }> = {
  password: { amr: ['pwd'], level: 1 },
  mail: { amr: ['otp'], level: 1 },
  'password and app': { amr: ['pwd', 'otp', 'mfa'], level: 2 },
  passkey: { amr: ['swk', 'user', 'mfa'], level: 3 },
};
const amr: Partial<Record<Factor, string[]>> = { password: ['pwd'], email: ['otp'], totp: ['otp'], passkey: ['swk'] };

type Session = { of: typeof alice | typeof mallory; by: keyof typeof amrOf; gone?: boolean; age?: number } | null;
const now = 1_900_000_000;
const strengthen = true;
const somethingElse = false;

/** The state of a sign-in in which `who` proved `factors`. */
function facts(
  session: Session,
  isStepUp: boolean,
  who: typeof alice | typeof mallory | null,
  factors: Factor[],
  chosen: Progress['chosen'] = null,
): Facts {
  const { amr: said = [], level = 1 } = session ? (amrOf[session.by] ?? {}) : {};
  const proofs = factors.map((factor, at) => ({ factor, amr: amr[factor] ?? [], at }));
  return factsOf(
    {
      isStepUp,
      session: session && {
        id: `session of ${session.of}`,
        amr: said,
        level,
        authTime: now - (session.age ?? 60),
        connection: null,
        isRemembered: false,
      },
    },
    { ...nothingYet, userId: who, proofs, chosen },
    session && !session.gone ? { id: session.of } : null,
    now,
  );
}

describe('recent proofs', () => {
  const session = (age: number): Session => ({ of: alice, by: 'password', age });
  test.each([
    ['a session of a minute that is made stronger', session(60), strengthen, null, [], true],
    ['a session of six minutes that is made stronger', session(360), strengthen, null, [], false],
    ['a session of a minute that is not made stronger', session(60), somethingElse, null, [], false],
    ['a proof beside an old session', session(360), strengthen, alice, ['totp'], true],
    ['a proof of another user beside an old session', session(360), strengthen, mallory, ['password'], true],
    ['nothing', null, somethingElse, null, [], false],
  ] as const)('%s', (_title, of, isStepUp, who, proofs, isFresh) => {
    expect(facts(of, isStepUp, who, [...proofs]).isFresh).toBe(isFresh);
  });
});

describe('the proofs of a sign-in, by user and session', () => {
  type Row = [
    title: string,
    session: Session,
    isStepUp: boolean,
    chosen: Progress['chosen'],
    who: typeof alice | typeof mallory | null,
    proofs: Factor[],
    expected: { userId: string | null; proved: Factor[]; level: number; amr: string[]; fromSession: boolean },
  ];
  const nothing = { userId: null, proved: [], level: 0, amr: [], fromSession: false };
  const rows: Row[] = [
    ['nothing, without a session', null, somethingElse, null, null, [], nothing],
    [
      'a password, without a session',
      null,
      somethingElse,
      null,
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    [
      'a session that is made stronger, before any proof',
      { of: alice, by: 'password' },
      strengthen,
      null,
      null,
      [],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: true },
    ],
    [
      'a session that is made stronger, by an app of the same user',
      { of: alice, by: 'password' },
      strengthen,
      null,
      alice,
      ['totp'],
      { userId: alice, proved: ['password', 'totp'], level: 2, amr: ['pwd', 'otp', 'mfa'], fromSession: true },
    ],
    [
      'a session of two factors that is made stronger keeps its level',
      { of: alice, by: 'password and app' },
      strengthen,
      null,
      alice,
      ['password'],
      { userId: alice, proved: ['password', 'password'], level: 2, amr: ['pwd', 'otp', 'mfa'], fromSession: true },
    ],
    [
      'a session of another user by mail, then a password',
      { of: mallory, by: 'mail' },
      strengthen,
      'another',
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    [
      'a session of another user by mail, then a password, without any choice',
      { of: mallory, by: 'mail' },
      strengthen,
      null,
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    [
      'a passkey session of another user, then a password',
      { of: mallory, by: 'passkey' },
      strengthen,
      null,
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    [
      'a session by mail of the user who said to be another and proved to be the same',
      { of: alice, by: 'mail' },
      strengthen,
      'another',
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    ['a session whose user said to be another', { of: alice, by: 'mail' }, strengthen, 'another', null, [], nothing],
    [
      'a session of a user who was disabled since',
      { of: alice, by: 'password', gone: true },
      strengthen,
      null,
      null,
      [],
      nothing,
    ],
    [
      'a session of two factors where everything is asked again',
      { of: alice, by: 'password and app' },
      somethingElse,
      null,
      alice,
      ['password'],
      { userId: alice, proved: ['password'], level: 1, amr: ['pwd'], fromSession: false },
    ],
    ['a session that is not asked about', { of: alice, by: 'passkey' }, somethingElse, null, null, [], nothing],
  ];
  test.each(rows)('%s', (_title, session, isStepUp, chosen, who, proofs, expected) => {
    const { userId, proved, level, amr: said, session: base } = facts(session, isStepUp, who, proofs, chosen);
    expect({ userId, proved, level, amr: said, fromSession: base !== null }).toEqual(expected);
  });

  test('proofs without a user are ignored', () => {
    expect(facts(null, false, null, ['passkey'])).toMatchObject({ proofs: [], proved: [], level: 0 });
  });

  test('the continuing session belongs to the same user', () => {
    expect(facts({ of: alice, by: 'mail' }, false, alice, ['password']).ownSessionId).toBe(`session of ${alice}`);
    expect(facts({ of: mallory, by: 'mail' }, false, alice, ['password']).ownSessionId).toBeNull();
    expect(facts({ of: mallory, by: 'mail' }, true, alice, ['password']).ownSessionId).toBeNull();
    expect(facts({ of: alice, by: 'mail', gone: true }, true, alice, ['password']).ownSessionId).toBeNull();
  });

  test('the risk assessment of one user does not apply to another', () => {
    const assessment = { userId: mallory, signals: [], actions: [] };
    const progress = { ...nothingYet, assessment, userId: alice, proofs: [] };
    expect(factsOf({ isStepUp: false, session: null }, progress, null, now).assessment).toBeNull();
    expect(factsOf({ isStepUp: false, session: null }, { ...progress, userId: mallory }, null, now).assessment).toEqual(
      assessment,
    );
  });
});

describe('a page is open only if the prompt asks for it', () => {
  const all: EarlyPage[] = [
    'account',
    'login',
    'password',
    'passkey',
    'email-code',
    'sms-code',
    'create',
    'forgot',
    'consent',
  ];
  const first: EarlyPage[] = ['login', 'password', 'passkey', 'email-code', 'sms-code', 'forgot'];
  type Row = [
    prompt: Question['prompt'],
    hasSession: boolean,
    /** The demand on the session: none, the same proof again, a stronger one. */
    asks: 'nothing' | 'again' | 'more',
    chosen: Progress['chosen'],
    who: typeof alice | typeof mallory | null,
    open: EarlyPage[],
  ];
  const rows: Row[] = [
    ['login', false, 'nothing', null, null, [...first, 'create']],
    ['login', false, 'nothing', null, alice, ['login']],
    ['login', true, 'again', null, null, first],
    ['login', true, 'again', null, alice, ['login']],
    ['login', true, 'more', null, null, ['login']],
    ['login', true, 'more', 'another', null, first],
    ['login', true, 'more', 'another', mallory, ['login']],
    ['login', true, 'more', null, alice, ['login']],
    ['create', false, 'nothing', null, null, [...first, 'create']],
    ['create', true, 'nothing', null, null, [...first, 'create']],
    ['create', true, 'nothing', null, alice, ['login']],
    ['select_account', false, 'nothing', null, null, [...first, 'create']],
    ['select_account', true, 'nothing', null, null, ['account']],
    ['select_account', true, 'nothing', 'session', null, ['account']],
    ['select_account', true, 'nothing', 'another', null, [...first, 'create', 'account']],
    ['select_account', true, 'nothing', 'another', mallory, ['login']],
    ['consent', true, 'nothing', null, null, ['consent', 'account']],
    ['consent', true, 'nothing', 'session', null, ['consent', 'account']],
    ['consent', true, 'nothing', 'another', null, [...first, 'create', 'account']],
    ['consent', true, 'nothing', 'another', mallory, ['login']],
    ['consent', false, 'nothing', null, null, [...first, 'create']],
  ];
  test.each(rows)(
    '%s, session %s, asked %s, chosen %s, proved by %s',
    (prompt, hasSession, asks, chosen, who, open) => {
      const session: Session = hasSession ? { of: alice, by: 'password' } : null;
      const known = facts(session, asks === 'more', who, who === null ? [] : ['password'], chosen);
      const question: Question = {
        prompt,
        hasSession,
        isAgain: asks !== 'nothing',
        asked: null,
        firstWay: 'password',
        isLed: false,
        mustType: false,
        remembered: 'none',
      };
      const found = all.filter((page) => isOpenNow(page, question, { chosen }, known));
      expect(new Set(found)).toEqual(new Set(open));
    },
  );
});

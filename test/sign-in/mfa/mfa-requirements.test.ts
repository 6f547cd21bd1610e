import { describe, expect, test } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { sections } from '#settings/module.ts';
import { type MfaFacts, mfaRequirements } from '../../../src/sign-in/mfa/mfa-requirements.ts';

const now = new Date('2030-01-10T00:00:00Z');
const epoch = (days: number) => ago(days).getTime() / 1000;
const ago = (days: number) => new Date(now.getTime() - days * DAY);

type MfaRequirements = ReturnType<typeof mfaRequirements>;
type Given = Partial<Pick<MfaFacts, 'proved' | 'canText'>> & {
  permissions?: MfaFacts['user']['permissions'];
  email?: string | null;
  held?: Partial<Omit<MfaFacts['held'], 'passkeys'>>;
  /** Active passkeys, and those in any other state. */
  passkeys?: number;
  unusable?: number;
  policy?: Partial<MfaFacts['policy']['mfa']>;
};
const part = ({
  email = 'ada@example.com',
  permissions = [],
  held = {},
  policy = {},
  passkeys = 0,
  unusable = 0,
  ...rest
}: Given) =>
  mfaRequirements({
    user: { status: 'active', email, roles: [], permissions },
    held: {
      hasTotp: false,
      passkeys: { verifying: passkeys, others: 0, unusable },
      recoveryCodes: null,
      showsCodes: false,
      offerDeclinedAt: null,
      askedAt: null,
      resetAt: null,
      hasTrust: false,
      trustedAt: null,
      ...held,
    },
    policy: { mfa: { ...sections.mfa.parse({}), ...policy } },
    proved: ['password'],
    proofs: [],
    canText: false,
    now,
    ...rest,
  });

describe('factors of a user', () => {
  type Row = [title: string, given: Given, factors: readonly string[]];
  const rows: Row[] = [
    ['nothing', {}, []],
    ['an app', { held: { hasTotp: true } }, ['totp']],
    ['an app and recovery codes', { held: { hasTotp: true, recoveryCodes: 3 } }, ['totp', 'recovery-code']],
    ['an app and no code left', { held: { hasTotp: true, recoveryCodes: 0 } }, ['totp']],
    ['recovery codes and nothing that they are for', { held: { recoveryCodes: 9 } }, []],
    ['recovery codes and a passkey', { passkeys: 1, held: { recoveryCodes: 9 } }, ['recovery-code']],
    ['a mailbox, where that does not count', {}, []],
    ['a mailbox, where it counts', { policy: { emailCodes: true } }, ['email']],
    ['a mailbox beside an app', { held: { hasTotp: true }, policy: { emailCodes: true } }, ['totp']],
    ['no mailbox, where it would count', { policy: { emailCodes: true }, email: null }, []],
    ['no mailbox, after a reset', { held: { resetAt: ago(1) }, email: null }, []],
    ['a mailbox that was the first factor', { policy: { emailCodes: true }, proved: ['email'] }, []],
    ['a phone, where that does not count', { canText: true }, []],
    ['a phone, where it counts', { canText: true, policy: { smsCodes: true } }, ['sms']],
    ['a phone that no message reaches', { policy: { smsCodes: true } }, []],
    ['a phone that was the first factor', { canText: true, policy: { smsCodes: true }, proved: ['sms'] }, []],
    ['a mailbox, after a reset', { held: { resetAt: ago(1) } }, ['email']],
    ['a mailbox that was proved, after a reset', { held: { resetAt: ago(1) }, proved: ['password', 'email'] }, []],
  ];
  test.each(rows)('%s', (_title, given, factors) => {
    expect(part(given).factors).toEqual(factors);
  });
});

describe('the state of a passkey', () => {
  const holdings: [title: string, given: Given][] = [
    ['a passkey alone', {}],
    ['a passkey and recovery codes', { held: { recoveryCodes: 10 } }],
    ['a passkey and recovery codes that are used up', { held: { recoveryCodes: 0 } }],
    ['a passkey, an app and recovery codes', { held: { hasTotp: true, recoveryCodes: 3 } }],
    ['a passkey of an administrator', { permissions: ['users.manage'] }],
    ['a passkey and a phone', { canText: true }],
  ];
  const rows = holdings.flatMap(([title, holding]) =>
    (['off', 'optional', 'required', 'administrators'] as const).flatMap((enforcement) =>
      [0, 7].flatMap((graceDays) =>
        [false, true].map((codes) => ({
          title,
          enforcement,
          graceDays,
          codes,
          given: {
            ...holding,
            policy: { enforcement, graceDays, emailCodes: codes, smsCodes: codes },
          },
        })),
      ),
    ),
  );
  test.each(rows)(
    '$title, enforcement $enforcement, $graceDays days of grace, sent codes $codes: the requirement stays, and nothing replaces the factor',
    ({ given }) => {
      const active = part({ ...given, passkeys: 1 });
      const unusable = part({ ...given, unusable: 1 });
      const notASecondFactor = part({ ...given, passkeys: 1, policy: { ...given.policy, factors: ['totp'] } });
      for (const other of [unusable, notASecondFactor]) {
        expect(other.required).toBe(active.required);
        expect(other.hasConfirmed).toBe(true);
        expect(other.factors).toEqual(active.factors);
      }
    },
  );

  test('does not count once it is deleted', () => {
    expect(part({}).hasConfirmed).toBe(false);
    expect(part({ held: { recoveryCodes: 10 } })).toMatchObject({ hasConfirmed: false, required: 1, factors: [] });
  });

  test('has another factor added if one is required and none can be used', () => {
    const policy = { enforcement: 'required' as const };
    expect(part({ policy, unusable: 1, held: { recoveryCodes: 3 } }).offers).toEqual(['enrol-factor']);
    expect(part({ policy, unusable: 1, held: { hasTotp: true } }).offers).toEqual([]);
    expect(part({ policy: { enforcement: 'optional' }, unusable: 1, held: { recoveryCodes: 3 } }).offers).toEqual([]);
  });
});

describe('requirements of a sign-in', () => {
  type Row = [title: string, given: Given, required: 1 | 2, offers: readonly string[]];
  const required = { enforcement: 'required' as const };
  const withGrace = { ...required, graceDays: 7 };
  const rows: Row[] = [
    ['nothing, without a factor', {}, 1, []],
    ['two factors, of a user with an app', { held: { hasTotp: true } }, 2, []],
    ['nothing, of a user with a passkey alone', { passkeys: 2 }, 1, []],
    ['two, of a user with a passkey and recovery codes', { passkeys: 1, held: { recoveryCodes: 10 } }, 2, []],
    ['two, also when the codes are used up', { passkeys: 1, held: { recoveryCodes: 0 } }, 2, []],
    ['nothing, where the instance asks nobody', { held: { hasTotp: true }, policy: { enforcement: 'off' } }, 1, []],
    ['two and to add one, where everybody must', { policy: required }, 2, ['enrol-factor']],
    [
      'two, of an administrator',
      { permissions: ['users.manage'], policy: { enforcement: 'administrators' } },
      2,
      ['enrol-factor'],
    ],
    ['nothing, of anybody else', { policy: { enforcement: 'administrators' } }, 1, []],
    [
      'two and to add one, also of a user who proved the mailbox in an odd sign-in',
      { policy: required, proved: ['password', 'email'] },
      2,
      ['enrol-factor'],
    ],
    ['to add one, in grace', { policy: withGrace }, 1, ['enrol-factor']],
    ['to add one, on the last day', { policy: withGrace, held: { askedAt: ago(6.9) } }, 1, ['enrol-factor']],
    ['two and to add one, after the grace', { policy: withGrace, held: { askedAt: ago(7) } }, 2, ['enrol-factor']],
    ['two, in grace, of a user with an app', { policy: withGrace, held: { hasTotp: true } }, 2, []],
    ['two, in grace, of a user with a passkey', { policy: withGrace, passkeys: 1 }, 2, []],
    ['two, in grace, where a mailbox is enough', { policy: { ...withGrace, emailCodes: true } }, 2, []],
    ['two, after a reset, whatever the policy', { held: { resetAt: ago(1) }, policy: { enforcement: 'off' } }, 2, []],
    [
      'two and to add one, after a reset where one is demanded',
      { held: { resetAt: ago(1) }, policy: withGrace },
      2,
      ['enrol-factor'],
    ],
    ['two, after a reset, when one was added', { policy: required, held: { resetAt: ago(1), hasTotp: true } }, 2, []],
  ];
  test.each(rows)('%s', (_title, given, level, offers) => {
    expect(part(given)).toMatchObject({ required: level, offers });
  });

  test.each<[title: string, given: Given, isTrusted: boolean]>([
    ['a factor that policy demands', { held: { hasTrust: true, hasTotp: true } }, true],
    ['nothing without a trusted browser', { held: { hasTotp: true } }, false],
    ['nothing of an administrator', { permissions: ['users.manage'], held: { hasTrust: true, hasTotp: true } }, false],
    ['nothing after a reset', { held: { hasTrust: true, hasTotp: true, resetAt: ago(1) } }, false],
    ['nothing where nothing is demanded', { held: { hasTrust: true } }, false],
    ['no factor that cannot be used now', { held: { hasTrust: true, recoveryCodes: 3 }, unusable: 1 }, false],
    [
      'no factor that is none by policy',
      { held: { hasTrust: true, recoveryCodes: 3 }, passkeys: 1, policy: { factors: ['totp'] } },
      false,
    ],
    ['a code by mail that is demanded', { held: { hasTrust: true }, policy: { ...required, emailCodes: true } }, true],
  ])('a trusted browser skips %s', (_title, given, isTrusted) => {
    expect(part(given).isTrusted).toBe(isTrusted);
  });

  test.each<[title: string, given: Given, spared: MfaRequirements['spared']]>([
    [
      'days of grace',
      { held: { askedAt: ago(2) }, policy: { ...required, graceDays: 7 } },
      { by: 'grace', since: epoch(2) },
    ],
    ['days of grace that begin now', { policy: { ...required, graceDays: 7 } }, { by: 'grace', since: epoch(0) }],
    ['none after the days of grace', { held: { askedAt: ago(8) }, policy: { ...required, graceDays: 7 } }, null],
    [
      'a trusted browser',
      { held: { hasTrust: true, hasTotp: true, trustedAt: ago(3) } },
      { by: 'trust', since: epoch(3) },
    ],
    ['none where nothing is demanded', { held: { hasTrust: true, trustedAt: ago(3) } }, null],
  ])('say why a demanded factor is spared: %s', (_title, given, spared) => {
    expect(part(given).spared).toEqual(spared);
  });

  test('require saving the codes that this sign-in created', () => {
    expect(part({ held: { hasTotp: true, showsCodes: true } }).tasks).toEqual(['recovery-codes']);
    expect(part({ held: { hasTotp: true } }).tasks).toEqual([]);
  });
});

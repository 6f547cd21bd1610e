/** From the facts of a sign-in to its next step, through the requirements of every step: one line a case. */
import { expect, test } from 'vitest';
import type { Factor } from '#credentials/module.ts';
import { DAY } from '#kernel/clock.ts';
import { sections } from '#settings/module.ts';
import { factsOf } from '../../../src/sign-in/interaction/facts.ts';
import { neededLevel, nextStep, type Question } from '../../../src/sign-in/interaction/next-step.ts';
import { nothingYet, type Progress } from '../../../src/sign-in/interaction/progress.ts';
import { requirementsOf } from '../../../src/sign-in/interaction/requirements.ts';
import { mfaRequirements, type MfaFacts } from '../../../src/sign-in/mfa/mfa-requirements.ts';
import { passkeyRequirements } from '../../../src/sign-in/passkey/passkey-requirements.ts';
import { recoveryRequirements } from '../../../src/sign-in/recovery/recovery-requirements.ts';
import { registrationRequirements } from '../../../src/sign-in/registration/registration-requirements.ts';
import { riskRequirements } from '../../../src/sign-in/risk/risk-requirements.ts';
import { verificationRequirements } from '../../../src/sign-in/verification/verification-requirements.ts';

const userId = 'usr_01h455vb4pex5vsknk084sn02q' as const;
const now = new Date('2030-01-10T00:00:00Z');
const long = new Date(now.getTime() - 400 * DAY);

type Case = {
  proved?: readonly Factor[];
  user?: Partial<Parameters<typeof recoveryRequirements>[0]['user']> & {
    permissions?: MfaFacts['user']['permissions'];
    emailVerified?: boolean;
    email?: string | null;
    emailProofDue?: boolean;
    termsVersion?: string;
    profile?: Record<string, string>;
  };
  held?: Partial<MfaFacts['held']>;
  policy?: {
    [S in 'mfa' | 'passkeys' | 'verification' | 'registration' | 'profile' | 'users']?: Record<string, unknown>;
  };
  asked?: Question['asked'];
  canText?: boolean;
  hasPasskeys?: boolean;
  canCreatePasskey?: boolean;
  chosenMethod?: string;
  isOdd?: boolean;
  skipped?: Progress['skipped'];
};

function stepOf({ proved = ['password'], user = {}, held = {}, policy = {}, asked = null, ...given }: Case): string {
  const proofs = proved.map((factor) => ({ factor, amr: [], at: 1 }));
  const assessment = { userId, signals: [], actions: given.isOdd ? ['second_factor'] : [] };
  const progress = {
    ...nothingYet,
    identifier: 'a@x.example',
    userId,
    proofs,
    assessment,
    skipped: given.skipped ?? [],
  };
  const facts = {
    ...factsOf({ isStepUp: false, session: null }, progress, null, now.getTime() / 1000),
    user: {
      status: 'active' as const,
      roles: [],
      permissions: [],
      emailVerified: true,
      email: 'ada@example.com',
      emailProofDue: false,
      passwordUpdateRequired: false,
      termsVersion: null,
      username: null,
      profile: {},
      properties: {},
      ...user,
    },
    held: {
      hasTotp: false,
      passkeys: { verifying: 0, others: 0, unusable: 0 },
      recoveryCodes: null,
      showsCodes: false,
      offerDeclinedAt: null,
      askedAt: null,
      resetAt: null,
      hasTrust: false,
      trustedAt: null,
      ...held,
    },
    policy: {
      mfa: sections.mfa.parse(policy.mfa ?? {}),
      passkeys: sections.passkeys.parse(policy.passkeys ?? {}),
      verification: sections.verification.parse(policy.verification ?? {}),
      registration: sections.registration.parse(policy.registration ?? {}),
      profile: sections.profile.parse(policy.profile ?? {}),
      users: sections.users.parse(policy.users ?? {}),
    },
    now,
    canText: given.canText ?? false,
    hasPasskeys: given.hasPasskeys ?? true,
    canCreatePasskey: given.canCreatePasskey ?? false,
    chosenMethod: given.chosenMethod ?? null,
  };
  const requirements = requirementsOf([
    riskRequirements(facts),
    passkeyRequirements(facts),
    mfaRequirements(facts),
    recoveryRequirements(facts),
    verificationRequirements(facts),
    registrationRequirements(facts),
  ]);
  const question: Question = {
    prompt: 'login',
    hasSession: false,
    isAgain: false,
    asked,
    firstWay: 'password',
    isLed: false,
    mustType: false,
    remembered: 'none',
  };
  const step = nextStep(question, progress, facts, requirements);
  return step.kind === 'page' ? step.page : step.kind;
}

const app = { hasTotp: true };
const key = { passkeys: { verifying: 1, others: 0, unusable: 0 } };
const stopped = { passkeys: { verifying: 0, others: 0, unusable: 1 } };
const securityKey = { passkeys: { verifying: 0, others: 1, unusable: 0 } };
const admin = { permissions: ['users.read'] };
const must = { mfa: { enforcement: 'required' } };
const grace = { mfa: { enforcement: 'required', graceDays: 7 } };
const odd = { isOdd: true };
const essential = (level: 1 | 2 | 3) => ({ asked: { level, essential: true } });
const wished = (level: 1 | 2 | 3) => ({ asked: { level, essential: false } });

const rows: [title: string, given: Case, step: string][] = [
  ['a password', {}, 'signed-in'],
  ['a code by mail', { proved: ['email'] }, 'signed-in'],
  ['a passkey', { proved: ['passkey'], held: key }, 'signed-in'],
  // The user's factors.
  ['an app', { held: app }, 'second-factor'],
  ['an app, proved', { held: app, proved: ['password', 'totp'] }, 'signed-in'],
  ['an app, where policy asks nobody', { held: app, policy: { mfa: { enforcement: 'off' } } }, 'signed-in'],
  ['a passkey beside the password', { held: key }, 'signed-in'],
  ['a passkey with recovery codes', { held: { ...key, recoveryCodes: 9 } }, 'second-factor'],
  ['a passkey that is stopped, with codes', { held: { ...stopped, recoveryCodes: 9 } }, 'second-factor'],
  ['a passkey that is stopped, with none', { held: { ...stopped, recoveryCodes: 0 } }, 'second-factor'],
  ['recovery codes alone', { held: { recoveryCodes: 9 } }, 'signed-in'],
  ['codes that were just made', { held: { ...app, showsCodes: true }, proved: ['password', 'totp'] }, 'recovery-codes'],
  ['codes that were just made, before the factor', { held: { ...app, showsCodes: true } }, 'second-factor'],
  // The policy.
  ['a factor is demanded of a user with none', { policy: must }, 'enrol-factor'],
  ['of a user with an app', { policy: must, held: app }, 'second-factor'],
  ['of a user with a passkey', { policy: must, held: key }, 'second-factor'],
  ['of a user whose passkey is stopped', { policy: must, held: stopped }, 'second-factor'],
  ['of a user by passkey', { policy: must, held: key, proved: ['passkey'] }, 'signed-in'],
  ['of administrators, and the user is none', { policy: { mfa: { enforcement: 'administrators' } } }, 'signed-in'],
  [
    'of administrators, and the user is one',
    { policy: { mfa: { enforcement: 'administrators' } }, user: admin },
    'enrol-factor',
  ],
  ['a mailbox counts', { policy: { mfa: { enforcement: 'required', emailCodes: true } } }, 'second-factor'],
  [
    'a mailbox counts, and the user has none',
    { policy: { mfa: { enforcement: 'required', emailCodes: true } }, user: { email: null, emailVerified: false } },
    'enrol-factor',
  ],
  [
    'a mailbox counts, and was the first',
    { policy: { mfa: { enforcement: 'required', emailCodes: true } }, proved: ['email'] },
    'enrol-factor',
  ],
  ['a phone counts', { policy: { mfa: { enforcement: 'required', smsCodes: true } }, canText: true }, 'second-factor'],
  [
    'a phone counts, and none is reached',
    { policy: { mfa: { enforcement: 'required', smsCodes: true } } },
    'enrol-factor',
  ],
  [
    'passkeys do not count',
    { policy: { mfa: { enforcement: 'required', factors: ['totp'] } }, held: key },
    'second-factor',
  ],
  ['grace, not asked yet', { policy: grace }, 'enrol-factor'],
  ['grace, skipped', { policy: grace, skipped: ['enrol-factor'] }, 'signed-in'],
  ['grace is over, skipped', { policy: grace, held: { askedAt: long }, skipped: ['enrol-factor'] }, 'enrol-factor'],
  ['grace, with an app', { policy: grace, held: app }, 'second-factor'],
  // Trust and suspicion.
  ['a trusted browser', { held: { ...app, hasTrust: true } }, 'signed-in'],
  ['a trusted browser of an administrator', { held: { ...app, hasTrust: true }, user: admin }, 'second-factor'],
  ['a trusted browser, for an essential level', { held: { ...app, hasTrust: true }, ...essential(2) }, 'second-factor'],
  ['a trusted browser, and the sign-in is odd', { held: { ...app, hasTrust: true }, ...odd }, 'second-factor'],
  [
    'a trusted browser, and the factor is stopped',
    { held: { ...stopped, recoveryCodes: 1, hasTrust: true } },
    'second-factor',
  ],
  ['odd, with nothing but a proven mailbox', odd, 'second-factor'],
  ['odd, and the mailbox was proved', { ...odd, proved: ['password', 'email'] }, 'signed-in'],
  ['odd, and the mailbox was the first proof', { ...odd, proved: ['email'] }, 'signed-in'],
  ['odd, with a mailbox that was never proved', { ...odd, user: { emailVerified: false } }, 'signed-in'],
  ['odd, with an app', { ...odd, held: app }, 'second-factor'],
  ['odd, with a passkey alone', { ...odd, held: key }, 'second-factor'],
  ['odd, with a passkey that is stopped', { ...odd, held: stopped }, 'second-factor'],
  // After a reset by an operator.
  ['a reset', { held: { resetAt: long } }, 'second-factor'],
  ['a reset, and the mailbox was proved', { held: { resetAt: long }, proved: ['password', 'email'] }, 'signed-in'],
  [
    'a reset of a user without a mailbox',
    { held: { resetAt: long }, user: { email: null, emailVerified: false } },
    'signed-in',
  ],
  [
    'a reset of a user without a mailbox, where a factor is demanded',
    { held: { resetAt: long }, policy: must, user: { email: null, emailVerified: false } },
    'enrol-factor',
  ],
  ['a reset in a trusted browser', { held: { ...app, resetAt: long, hasTrust: true } }, 'second-factor'],
  [
    'a reset, where a factor is demanded',
    { held: { resetAt: long }, policy: must, proved: ['password', 'email'] },
    'enrol-factor',
  ],
  // The request of the relying party.
  ['level 2 must be, with none', essential(2), 'enrol-factor'],
  ['level 2 must be, with an app', { ...essential(2), held: app }, 'second-factor'],
  ['level 2 is wished for, with none', wished(2), 'signed-in'],
  ['level 2 is wished for, with a passkey', { ...wished(2), held: key }, 'second-factor'],
  ['level 3 must be, with an app', { ...essential(3), held: app }, 'second-factor'],
  [
    'level 3 must be, with an app that was proved',
    { ...essential(3), held: app, proved: ['password', 'totp'] },
    'enrol-factor',
  ],
  ['level 3 must be, with a security key', { ...essential(3), held: securityKey }, 'second-factor'],
  [
    'level 3 must be, with a security key that was proved',
    { ...essential(3), held: securityKey, proved: ['password', 'security-key'] },
    'signed-in',
  ],
  ['level 3 is wished for, with an app', { ...wished(3), held: { ...app, hasTrust: true } }, 'signed-in'],
  // Tasks and offers.
  ['a new password is demanded', { user: { passwordUpdateRequired: true } }, 'new-password'],
  [
    'an address must be proved',
    { user: { emailVerified: false }, policy: { verification: { email: 'required' } } },
    'verify-email',
  ],
  ['a proof of the address is due', { user: { emailVerified: false, emailProofDue: true } }, 'verify-email'],
  [
    'a user without an address has none to prove',
    {
      user: { email: null, emailVerified: false, emailProofDue: true },
      policy: { verification: { email: 'required' } },
    },
    'signed-in',
  ],
  ['no proof of the address is due', { user: { emailVerified: false } }, 'signed-in'],
  [
    'proofs of addresses are optional',
    { user: { emailVerified: false, emailProofDue: true }, policy: { verification: { email: 'optional' } } },
    'signed-in',
  ],
  ['new terms', { policy: { registration: { termsVersion: '2' } }, user: { termsVersion: '1' } }, 'terms'],
  ['the same terms', { policy: { registration: { termsVersion: '2' } }, user: { termsVersion: '2' } }, 'signed-in'],
  ['a name is required', { policy: { profile: { required: ['name'] } } }, 'profile'],
  [
    'a name is required, and there',
    { policy: { profile: { required: ['name'] } }, user: { profile: { name: 'Ada' } } },
    'signed-in',
  ],
  ['a new account that chose a passkey', { chosenMethod: 'passkey', proved: ['email'] }, 'first-passkey'],
  ['a new account that made it', { chosenMethod: 'passkey', proved: ['email'], held: key }, 'signed-in'],
  [
    'a new account that chose a passkey, without any here',
    { chosenMethod: 'passkey', hasPasskeys: false },
    'signed-in',
  ],
  ['a browser that could keep a passkey', { canCreatePasskey: true }, 'offer-passkey'],
  ['the same, skipped', { canCreatePasskey: true, skipped: ['offer-passkey'] }, 'signed-in'],
  ['the same, declined lately', { canCreatePasskey: true, held: { offerDeclinedAt: now } }, 'signed-in'],
  ['the same, declined long ago', { canCreatePasskey: true, held: { offerDeclinedAt: long } }, 'offer-passkey'],
  [
    'the same, where policy offers none',
    { canCreatePasskey: true, policy: { passkeys: { offer: false } } },
    'signed-in',
  ],
  [
    'the same, with an app in a trusted browser',
    { canCreatePasskey: true, held: { ...app, hasTrust: true } },
    'signed-in',
  ],
  [
    'the same, with an app that was proved',
    { canCreatePasskey: true, held: app, proved: ['password', 'totp'] },
    'offer-passkey',
  ],
  ['a task before an offer', { canCreatePasskey: true, user: { passwordUpdateRequired: true } }, 'new-password'],
  ['the second factor before a task', { held: app, user: { passwordUpdateRequired: true } }, 'second-factor'],
];

test.each(rows)('%s', (_title, given, step) => {
  expect(stepOf(given)).toBe(step);
});

test.each<[factors: readonly Factor[], needed: number]>([
  [['passkey', 'totp'], 3],
  [['totp'], 2],
  [[], 3],
])('level 3 is required of a user with %j: the second step must reach %i', (factors, needed) => {
  const requirements = requirementsOf([{ factors }]);
  expect(neededLevel({ level: 3, essential: true }, 1, requirements)).toBe(needed);
});

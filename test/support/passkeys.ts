/** Passkeys on a database of their own, without pages. */
import { access } from '#directory/access/module.ts';
import { byUser, byVisitor } from '#audit/module.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { passkeyStateBy } from '#credentials/passkeys/passkey-state.ts';
import { createPasskeys } from '#credentials/passkeys/passkeys.ts';
import type { FactorNotice } from '#credentials/module.ts';
import { SecondFactorDemand } from '#credentials/second-factors/second-factor-demand.ts';
import { createUsers, type User } from '#directory/users/module.ts';
import { recordingAudit } from './audit.ts';
import { openAccess } from './access.ts';
import type { Authenticator, Lies } from './authenticator.ts';
import { testClock } from './clock.ts';
import { policiesWith } from './policies.ts';

export const origin = 'https://id.example.com';
export const visitor = {
  ip: '192.0.2.7',
  userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)',
  requestId: 'r1',
};
const testSecrets = 'a-secret-that-only-the-tests-know-01';

export type PasskeyWorld = ReturnType<typeof openPasskeys>;
type Options = {
  policy?: Record<string, unknown>;
  verifiers?: Parameters<typeof createPasskeys>[1];
  issuer?: string;
  enforcement?: 'optional' | 'required';
};

export function openPasskeys(
  database: Database,
  { policy = {}, verifiers, issuer = origin, enforcement = 'optional' }: Options = {},
) {
  const clock = testClock();
  const audit = recordingAudit();
  const notices: FactorNotice[] = [];
  const { accessRevocation, revocables } = openAccess({
    clock,
    database,
    audit: { ...audit, note: async () => undefined },
  });
  const policies = policiesWith({ passkeys: policy, mfa: { enforcement } });
  const made = createPasskeys(
    {
      clock,
      database,
      audit,
      keyRing: createKeyRing([testSecrets]),
      issuer: new URL(issuer),
      policies,
      demand: new SecondFactorDemand(policies, passkeyStateBy(new URL(issuer), policies)),
      accessRevocation,
      webauthnChallenges: revocables.webauthnChallenges,
      tellOwner: async (_em, notice) => void notices.push(notice),
    },
    verifiers,
  );
  const { users } = createUsers({ clock, database, audit, accessRevocation, rights: access });
  const { passkeyRegistration: registration, passkeyProof: proof } = made;

  async function person(email: string): Promise<User> {
    return database.transaction((em) => users.create(em, { email }, { actor: { type: 'operator' } }));
  }

  async function enrol(user: User, authenticator: Authenticator, lies: Lies = {}, isOnlyFactor = false) {
    const options = await registration.options(user, { binding: 'enrolment', isOnlyFactor });
    if (options === null || options === 'full') throw new Error(`no options: ${String(options)}`);
    return registration.register(
      { userId: user.id, binding: 'enrolment', isOnlyFactor },
      authenticator.create(options, origin, lies),
      byUser(user.id, visitor),
    );
  }

  /** A sign-in without an address. */
  async function signIn(authenticator: Authenticator, lies: Lies = {}) {
    const options = await proof.options({ purpose: 'sign_in', binding: 'interaction' });
    if (options === null) throw new Error('no options');
    return proof.verify(
      { purpose: 'sign_in', binding: 'interaction' },
      authenticator.get(options, origin, lies),
      byVisitor(visitor),
    );
  }

  return { ...made, registration, proof, clock, audit, notices, users, person, enrol, signIn };
}

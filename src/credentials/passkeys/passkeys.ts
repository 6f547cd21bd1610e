import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Verify as VerifyAssertion } from './assertion-check.ts';
import type { Verify as VerifyAttestation } from './attestation-check.ts';
import type { Challenges } from './challenge.ts';
import { Decoys } from './decoys.ts';
import { PasskeyProof } from './passkey-proof.ts';
import { PasskeyRegistration } from './passkey-registration.ts';
import { type PasskeyDependencies, PasskeyService } from './passkey-service.ts';
import { WebauthnUsers } from './webauthn-user.ts';

type Dependencies = Omit<PasskeyDependencies, 'webauthnUsers'> & {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'deriveKey'>;
  webauthnChallenges: Challenges;
};

/** A replacement for the library that verifies authenticator responses, for tests. */
type Verifiers = { attestation?: VerifyAttestation; assertion?: VerifyAssertion };

/** Passkeys and security keys, put together around the one store of challenges. */
export function createPasskeys(
  { keyRing, webauthnChallenges: challenges, ...rest }: Dependencies,
  { attestation, assertion }: Verifiers = {},
) {
  const { clock, database } = rest;
  const webauthnUsers = new WebauthnUsers(clock, database);
  const dependencies = { ...rest, webauthnUsers };
  const passkeys = new PasskeyService(dependencies);
  return {
    passkeys,
    webauthnUsers,
    webauthnChallenges: challenges,
    passkeyRegistration: new PasskeyRegistration(dependencies, passkeys, challenges, attestation),
    passkeyProof: new PasskeyProof(dependencies, passkeys, challenges, new Decoys(keyRing), assertion),
  };
}

import type { RegistrationResponseJSON, verifyRegistrationResponse } from '@simplewebauthn/server';
import type { Clock } from '#kernel/clock.ts';
import type { Policy } from '#settings/module.ts';
import { requestedAttestation } from './attestation.ts';
import type { Attestation } from './browser-answer.ts';
import { isModelAllowed } from './passkey-state.ts';
import type { RelyingParty } from './relying-party.ts';
import { LONGEST_CREDENTIAL_ID } from '../limits.ts';

/** EdDSA, ES256, RS256 in the order we like them: what authenticators can do, and nothing weaker. */
export const ALGORITHMS = [-8, -7, -257];

export type Verify = typeof verifyRegistrationResponse;
export type NewCredential = (Awaited<ReturnType<Verify>> & { verified: true })['registrationInfo'];

type Expected = {
  challenge: string;
  relyingParty: RelyingParty;
  mustVerifyUser: boolean;
  policy: Policy<'passkeys'>;
  clock: Clock;
};

/** The passkey that an authenticator has made, if it is one that was asked for. */
export async function checkAttestation(
  verify: Verify,
  attestation: Attestation,
  { challenge, relyingParty: { id, origins }, mustVerifyUser, policy, clock }: Expected,
): Promise<NewCredential | 'refused' | 'not_allowed'> {
  try {
    const attestationObject = requestedAttestation(attestation.response.attestationObject, policy, clock);
    if (attestationObject === null) return 'not_allowed';
    const result = await verify({
      response: {
        ...attestation,
        clientExtensionResults: {},
        response: { ...attestation.response, attestationObject },
      } as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: id,
      requireUserVerification: mustVerifyUser,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    // The result decides: a check that says nothing has not passed.
    if (!result?.verified) return 'refused';
    const { registrationInfo } = result;
    const credentialId = Buffer.from(registrationInfo.credential.id, 'base64url');
    if (registrationInfo.credential.id !== attestation.id || credentialId.length > LONGEST_CREDENTIAL_ID)
      return 'refused';
    return isAllowed(registrationInfo.aaguid, registrationInfo.fmt, attestation, policy)
      ? registrationInfo
      : 'not_allowed';
  } catch {
    return 'refused';
  }
}

/** Which kind of authenticator the browser used is its word alone, and so is the model where nothing is attested. */
function isAllowed(
  aaguid: string,
  format: string,
  { authenticatorAttachment }: Attestation,
  policy: Policy<'passkeys'>,
): boolean {
  const { attachment } = policy;
  if (attachment !== 'any' && authenticatorAttachment !== attachment) return false;
  return isModelAllowed(aaguid, format, policy);
}

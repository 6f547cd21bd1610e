import type { verifyAuthenticationResponse } from '@simplewebauthn/server';
import type { Assertion } from './browser-answer.ts';
import type { RelyingParty } from './relying-party.ts';

export type Verify = typeof verifyAuthenticationResponse;

/** The data that the key of a passkey has signed. */
export type Signed = { signCount: number; isUserVerified: boolean; isBackupEligible: boolean; isBackedUp: boolean };

type Expected = {
  challenge: string;
  relyingParty: RelyingParty;
  mustVerifyUser: boolean;
  passkey: { credentialId: string; publicKey: Uint8Array<ArrayBuffer> };
};

/** The verified data of the authenticator; null for any other result of the check. */
export async function checkAssertion(
  verify: Verify,
  assertion: Assertion,
  { challenge, relyingParty: { id, origins }, mustVerifyUser, passkey: { credentialId, publicKey } }: Expected,
): Promise<Signed | null> {
  try {
    if (hasAttestedData(assertion)) return null;
    const result = await verify({
      response: { ...assertion, clientExtensionResults: {} } as Parameters<Verify>[0]['response'],
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: id,
      requireUserVerification: mustVerifyUser,
      // The count is compared by the write that moves it, and once the signature is known to be good: else anybody could have a passkey flagged.
      credential: { id: credentialId, publicKey, counter: 0 },
    });
    if (!result?.verified) return null;
    const { newCounter, userVerified, credentialDeviceType, credentialBackedUp } = result.authenticationInfo;
    return {
      signCount: newCounter,
      isUserVerified: userVerified,
      isBackupEligible: credentialDeviceType === 'multiDevice',
      isBackedUp: credentialBackedUp,
    };
  } catch {
    return null;
  }
}

/** WebAuthn 3 §6.1: an assertion carries no key. The library would read one that came all the same. */
function hasAttestedData({ response }: Assertion): boolean {
  const flags = Buffer.from(response.authenticatorData, 'base64url')[32] ?? 0;
  return (flags & 0x40) !== 0;
}

/**
 * RFC 8176, without assumptions: `hwk` for a key that its authenticator says it cannot export, `swk` for one
 * that may be synced; `user` for user presence; `mfa` when the user was verified by a fingerprint, a face or a PIN;
 * authenticators do not report the one used.
 */
export function amrOf({ isBackupEligible, isUserVerified }: Signed): string[] {
  return [isBackupEligible ? 'swk' : 'hwk', 'user', ...(isUserVerified ? ['mfa'] : [])];
}

import type { Policies, Policy } from '#settings/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { CredentialState, PasskeyCount } from '../methods.ts';
import { relyingPartyOf } from './relying-party.ts';

/** The columns that decide the state of a passkey. */
export type StateRow = { is_stopped: boolean; aaguid: string; attestation_format: string };
export type PasskeyState = (row: StateRow, owner: UserId) => CredentialState;
/** For `select`: what `StateRow` is read from. */
export const STATE_COLUMNS = 'flagged_at is not null as is_stopped, aaguid, attestation_format';

/** The one rule for the state of a passkey. The policy is asked each time: it may have changed since the last sign-in. */
export function passkeyStateBy(issuer: URL, policies: Policies<'passkeys'>): PasskeyState {
  return ({ is_stopped: isStopped, aaguid, attestation_format: format }, owner) => {
    const { passkeys } = policies.for({ user: owner });
    if (isStopped) return 'stopped';
    if (!isModelAllowed(aaguid, format, passkeys)) return 'model_not_allowed';
    return passkeys.enabled && relyingPartyOf(issuer, passkeys) !== null ? 'active' : 'switched_off';
  };
}

/** Where models must be attested, one that was never attested is only its own word. */
export function isModelAllowed(
  aaguid: string,
  format: string,
  { allowedAuthenticators, attestation }: Pick<Policy<'passkeys'>, 'allowedAuthenticators' | 'attestation'>,
): boolean {
  if (allowedAuthenticators.length === 0) return true;
  return allowedAuthenticators.includes(aaguid) && (attestation === 'none' || format !== 'none');
}

/** Counts a user's passkeys: active ones with user verification, other active ones, and unusable ones. */
export function countPasskeys(
  rows: readonly (StateRow & { user_verified: boolean })[],
  stateOf: PasskeyState,
  owner: UserId,
): PasskeyCount {
  const active = rows.filter((row) => stateOf(row, owner) === 'active');
  const verifying = active.filter(({ user_verified: isVerifying }) => isVerifying).length;
  return { verifying, others: active.length - verifying, unusable: rows.length - active.length };
}

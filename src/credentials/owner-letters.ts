import type { EventTypeRow } from '#audit/module.ts';
import { userIdentityLinked, userIdentityUnlinked } from '#directory/identities/events.ts';
import { type OwnerNoticeDependencies, readUser, tellOwner } from '#directory/users/module.ts';
import {
  userMfaReset,
  userPasskeyAdded,
  userPasskeyFlagged,
  userPasskeyRemoved,
  userRecoveryCodesMade,
  userRecoveryCodesRemoved,
  userRecoveryCodeUsed,
  userSecondFactorBlocked,
  userTotpAdded,
  userTotpRemoved,
} from './events.ts';
import { factorLetter } from './factor-letter.ts';
import type { FactorNotice, TellOwner } from './second-factors/second-factor-notice.ts';

type Dependencies = OwnerNoticeDependencies & {
  /** Where users see how they sign in. */
  securityUrl: string;
};

const types: Readonly<Record<FactorNotice['kind'], EventTypeRow>> = {
  totp_added: userTotpAdded,
  totp_removed: userTotpRemoved,
  passkey_added: userPasskeyAdded,
  passkey_removed: userPasskeyRemoved,
  passkey_flagged: userPasskeyFlagged,
  identity_linked: userIdentityLinked,
  identity_unlinked: userIdentityUnlinked,
  recovery_codes_made: userRecoveryCodesMade,
  recovery_codes_removed: userRecoveryCodesRemoved,
  recovery_code_used: userRecoveryCodeUsed,
  tries_used_up: userSecondFactorBlocked,
  reset: userMfaReset,
};

/** Writes to the owner, in their language, whatever happens to what they prove themselves with. */
export function tellOwnerByMail({ securityUrl, ...deps }: Dependencies): TellOwner {
  return async (em, notice) => {
    const owner = await readUser(em, notice.userId);
    if (!owner) return;
    const { kind, visitor } = notice;
    await tellOwner(deps, em, types[kind], {
      letter: factorLetter,
      kind,
      owner,
      visitor,
      context: (act) => ({ kind, ...particulars(notice), ...act, securityUrl }),
    });
  };
}

function particulars(notice: FactorNotice): { name: string | null; left: number | null; reason: string | null } {
  return {
    name: 'name' in notice ? notice.name : null,
    left: notice.kind === 'recovery_code_used' ? notice.left : null,
    reason: notice.kind === 'reset' ? notice.reason : null,
  };
}

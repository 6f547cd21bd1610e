import type { AuditLog, By } from '#audit/module.ts';
import type {
  PasskeyService,
  RecoveryCodes,
  SecondFactorAttempts,
  SecondFactorRequests,
  TellOwner,
  TotpService,
} from '#credentials/module.ts';
import type { Database } from '#kernel/database.ts';
import type { AccessRevocation, RoleHolders, UserId, UserService } from '#directory/users/module.ts';
import { userMfaReset } from '#credentials/events.ts';
import { userNotFound } from './errors.ts';

type ResetDependencies = {
  database: Database;
  users: Pick<UserService, 'findById'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
  audit: Pick<AuditLog, 'record'>;
  totp: Pick<TotpService, 'erase'>;
  recoveryCodes: Pick<RecoveryCodes, 'erase'>;
  passkeys: Pick<PasskeyService, 'eraseAll'>;
  secondFactorAttempts: Pick<SecondFactorAttempts, 'forget'>;
  secondFactorRequests: Pick<SecondFactorRequests, 'reset'>;
  accessRevocation: AccessRevocation<'second factors removed by an operator'>;
  tellOwner: TellOwner;
};

/** Resets the second factors of a user who lost them. */
export class ResetService {
  readonly #deps: ResetDependencies;

  constructor(dependencies: ResetDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Takes every second factor away and ends all that is signed in. Until the user has signed in again, which takes a code from
   * their mailbox, no factor can be added: an attacker who deceived the operator and knows the password gets no further.
   * Throws mfa.user_not_found, users.rights_missing.
   */
  async reset(userId: UserId, reason: string, by: By): Promise<void> {
    const { database, users, audit, totp, recoveryCodes, passkeys, accessRevocation } = this.#deps;
    if ((await users.findById(userId)) === null) throw userNotFound();
    await this.#deps.roleHolders.requireRightsOver(userId, by);
    await database.transaction(async (em) => {
      await totp.erase(em, userId);
      await recoveryCodes.erase(em, userId);
      await passkeys.eraseAll(em, userId);
      await accessRevocation.revoke(em, 'second factors removed by an operator', userId, by);
      await this.#deps.secondFactorRequests.reset(em, userId);
      await audit.record(
        em,
        userMfaReset({
          ...by,
          subject: { type: 'user', id: userId },
          details: { reason },
        }),
      );
      await this.#deps.tellOwner(em, { kind: 'reset', userId, reason, visitor: by.visitor });
    });
    await this.#deps.secondFactorAttempts.forget(userId);
  }
}

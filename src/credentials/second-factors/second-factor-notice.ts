import type { Visitor } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';

/** Changes of what a user proves themselves with, with a notice to the user. */
export type FactorNotice = { userId: UserId; visitor?: Visitor | undefined } & (
  | { kind: 'totp_added' | 'totp_removed'; name: string }
  /** Without a name, one whose authenticator did not say what it is. `flagged`: it may have been copied, and is refused. */
  | { kind: 'passkey_added' | 'passkey_removed' | 'passkey_flagged'; name: string | null }
  /** `name`: of the provider. */
  | { kind: 'identity_linked' | 'identity_unlinked'; name: string }
  | { kind: 'recovery_codes_made' | 'recovery_codes_removed' }
  | { kind: 'recovery_code_used'; left: number }
  /** An attacker who knows the password guesses codes. */
  | { kind: 'tries_used_up' }
  | { kind: 'reset'; reason: string }
);

/** The effect of changed second factors: trusted browsers end. */
export type FactorEndings = AccessRevocation<
  'passkey or authenticator app added' | 'passkey or authenticator app removed' | 'passkey stopped as a possible copy'
>;

/** Tells the owner, in the transaction of what happened. */
export type TellOwner = (em: EntityManager, notice: FactorNotice) => Promise<void>;

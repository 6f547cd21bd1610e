import type { Visitor } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { AccessRevocation, UserId } from '#directory/users/module.ts';

/** What happened to the second factors of a person, who is told. */
export type FactorNotice = { userId: UserId; visitor?: Visitor | undefined } & (
  | { kind: 'totp_added' | 'totp_removed'; name: string }
  /** Without a name, one whose authenticator did not say what it is. `flagged`: it may have been copied, and is refused. */
  | { kind: 'passkey_added' | 'passkey_removed' | 'passkey_flagged'; name: string | null }
  | { kind: 'recovery_codes_made' }
  | { kind: 'recovery_code_used'; left: number }
  /** Somebody who knows the password guesses. */
  | { kind: 'tries_used_up' }
  | { kind: 'reset'; reason: string }
);

/** What ends when second factors change: the trust that browsers have because of them. */
export type FactorEndings = AccessRevocation<
  'passkey or authenticator app added' | 'passkey or authenticator app removed' | 'passkey stopped as a possible copy'
>;

/** Tells the owner, in the transaction of what happened. */
export type TellOwner = (em: EntityManager, notice: FactorNotice) => Promise<void>;

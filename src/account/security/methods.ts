import type {
  PasskeyService,
  PasswordService,
  RecoveryCodes,
  RecoveryCodesLeft,
  ShownPasskey,
  Totp,
  TotpService,
} from '#credentials/module.ts';
import type { UserId } from '#directory/users/module.ts';
import type { LinkedAccounts, ShownIdentity } from '../linked-accounts/linked-accounts.ts';

/** Everything that a user proves themselves with. */
export type SignInMethods = {
  passkeys: readonly ShownPasskey[];
  /** False where passkeys are switched off. */
  hasPasskeys: boolean;
  app: Totp | null;
  codes: RecoveryCodesLeft | null;
  /** Null for a user without a password. */
  passwordChangedAt: Date | null;
  /** The accounts at upstream providers. */
  linked: readonly ShownIdentity[];
};

type MethodsDependencies = {
  passwords: Pick<PasswordService, 'findChange'>;
  passkeys: Pick<PasskeyService, 'list' | 'relyingParty'>;
  totp: Pick<TotpService, 'find'>;
  recoveryCodes: Pick<RecoveryCodes, 'find'>;
  linkedAccounts: Pick<LinkedAccounts, 'list'>;
};

/** Loads the sign-in methods of a user for the security page. */
export class Methods {
  readonly #deps: MethodsDependencies;

  constructor(dependencies: MethodsDependencies) {
    this.#deps = dependencies;
  }

  async find(userId: UserId): Promise<SignInMethods> {
    const { passkeys, totp, recoveryCodes, passwords, linkedAccounts } = this.#deps;
    const [keys, app, codes, passwordChangedAt, linked] = await Promise.all([
      passkeys.list(userId),
      totp.find(userId),
      recoveryCodes.find(userId),
      passwords.findChange(userId),
      linkedAccounts.list(userId),
    ]);
    return { passkeys: keys, hasPasskeys: passkeys.relyingParty !== null, app, codes, passwordChangedAt, linked };
  }
}

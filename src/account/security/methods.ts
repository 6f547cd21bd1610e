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

/** Everything that a user proves themselves with. */
export type SignInMethods = {
  passkeys: readonly ShownPasskey[];
  /** False where passkeys are switched off. */
  hasPasskeys: boolean;
  app: Totp | null;
  codes: RecoveryCodesLeft | null;
  /** Null for a user without a password. */
  passwordChangedAt: Date | null;
};

type MethodsDependencies = {
  passwords: Pick<PasswordService, 'findChange'>;
  passkeys: Pick<PasskeyService, 'list' | 'relyingParty'>;
  totp: Pick<TotpService, 'find'>;
  recoveryCodes: Pick<RecoveryCodes, 'find'>;
};

/** Loads the sign-in methods of a user for the security page. */
export class Methods {
  readonly #deps: MethodsDependencies;

  constructor(dependencies: MethodsDependencies) {
    this.#deps = dependencies;
  }

  async find(userId: UserId): Promise<SignInMethods> {
    const { passkeys, totp, recoveryCodes, passwords } = this.#deps;
    const [keys, app, codes, passwordChangedAt] = await Promise.all([
      passkeys.list(userId),
      totp.find(userId),
      recoveryCodes.find(userId),
      passwords.findChange(userId),
    ]);
    return { passkeys: keys, hasPasskeys: passkeys.relyingParty !== null, app, codes, passwordChangedAt };
  }
}

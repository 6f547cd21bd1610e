import type { PasswordBulk, TotpService } from '#credentials/module.ts';
import { OLD_SYSTEM } from '#credentials/module.ts';
import type { BulkIdentity, BulkUser, UserBulk, UserId } from '#users/module.ts';

export type ExportDependencies = {
  userBulk: Pick<UserBulk, 'page' | 'identitiesOf'>;
  passwordBulk: Pick<PasswordBulk, 'of'>;
  totp: Pick<TotpService, 'secretsOf'>;
};

type Secrets = {
  passwords: Awaited<ReturnType<PasswordBulk['of']>>;
  totps: Awaited<ReturnType<TotpService['secretsOf']>>;
};

/** Gives people back in the form in which they are taken in. */
export class ExportService {
  readonly #deps: ExportDependencies;

  constructor(dependencies: ExportDependencies) {
    this.#deps = dependencies;
  }

  async page(after: UserId | null, limit: number, withHashes: boolean): Promise<Record<string, unknown>[]> {
    const { userBulk, passwordBulk, totp } = this.#deps;
    const people = await userBulk.page(after, limit);
    const ids = people.map(({ id }) => id);
    const identities = Map.groupBy(await userBulk.identitiesOf(ids), ({ userId }) => userId);
    const secrets = withHashes
      ? { passwords: await passwordBulk.of(ids), totps: await totp.secretsOf(ids) }
      : { passwords: new Map(), totps: new Map() };
    return people.map((person) => onWire(person, identities.get(person.id) ?? [], secrets));
  }
}

function onWire(user: BulkUser, identities: readonly BulkIdentity[], secrets: Secrets): Record<string, unknown> {
  const { id, status, email, emailVerified, phoneNumber, phoneNumberVerified, profile, properties, createdAt } = user;
  const password = secrets.passwords.get(id);
  const totp = secrets.totps.get(id);
  return {
    id,
    email,
    email_verified: emailVerified,
    ...(phoneNumber === null ? {} : { phone_number: phoneNumber, phone_number_verified: phoneNumberVerified }),
    ...profile,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    status,
    created_at: createdAt,
    ...(password === undefined ? {} : passwordOnWire(password)),
    ...(totp === undefined
      ? {}
      : {
          totp_secret: totp.secret,
          totp_algorithm: totp.algorithm,
          totp_digits: totp.digits,
          totp_period: totp.period,
        }),
    ...(identities.length > 0
      ? { identities: identities.map(({ connection, issuer, subject }) => ({ connection, issuer, subject })) }
      : {}),
  };
}

function passwordOnWire({ hash, scheme }: { hash: string; scheme: string | null }): Record<string, unknown> {
  if (scheme === OLD_SYSTEM) return { password_hash_format: OLD_SYSTEM };
  return { password_hash: hash, password_hash_format: scheme ?? 'argon2' };
}

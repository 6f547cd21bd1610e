import type { AuditLog, By } from '#audit/module.ts';
import { type PasswordBulk, type TotpService, OLD_SYSTEM } from '#credentials/module.ts';
import type { BulkContact, ContactBulk } from '#directory/contacts/module.ts';
import type { BulkIdentity, IdentityBulk } from '#directory/identities/module.ts';
import type { BulkUser, UserBulk, UserId } from '#directory/users/module.ts';
import { usersExported } from './events.ts';
import { MOST_LINES } from './limits.ts';

export type ExportDependencies = {
  userBulk: Pick<UserBulk, 'page'>;
  identityBulk: Pick<IdentityBulk, 'listOf'>;
  contactBulk: Pick<ContactBulk, 'of'>;
  passwordBulk: Pick<PasswordBulk, 'of'>;
  totp: Pick<TotpService, 'secretsOf'>;
  audit: Pick<AuditLog, 'note'>;
};

type Secrets = {
  passwords: Awaited<ReturnType<PasswordBulk['of']>>;
  totps: Awaited<ReturnType<TotpService['secretsOf']>>;
};

/** Gives users back in the form in which they are taken in. */
export class ExportService {
  readonly #deps: ExportDependencies;

  constructor(dependencies: ExportDependencies) {
    this.#deps = dependencies;
  }

  /** One page; the first one is recorded, because all the others follow it. */
  async page(
    { after, withHashes }: { after?: UserId | undefined; withHashes: boolean },
    by: By,
  ): Promise<{ users: Record<string, unknown>[]; next?: string }> {
    if (after === undefined)
      await this.#deps.audit.note(usersExported({ ...by, details: { with_hashes: withHashes } }));
    const people = await this.#deps.userBulk.page(after ?? null, MOST_LINES);
    const users = await this.#read(people, withHashes);
    const last = people.at(-1);
    return { users, ...(last && people.length === MOST_LINES ? { next: last.id } : {}) };
  }

  async #read(people: readonly BulkUser[], withHashes: boolean): Promise<Record<string, unknown>[]> {
    const { identityBulk, contactBulk, passwordBulk, totp } = this.#deps;
    const ids = people.map(({ id }) => id);
    const identities = Map.groupBy(await identityBulk.listOf(ids), ({ userId }) => userId);
    const contacts = Map.groupBy(await contactBulk.of(ids), ({ userId }) => userId);
    const secrets = withHashes
      ? { passwords: await passwordBulk.of(ids), totps: await totp.secretsOf(ids) }
      : { passwords: new Map(), totps: new Map() };
    return people.map((person) => ({
      ...onWire(person, identities.get(person.id) ?? [], secrets),
      ...furtherOnWire(contacts.get(person.id) ?? []),
    }));
  }
}

function onWire(user: BulkUser, identities: readonly BulkIdentity[], secrets: Secrets): Record<string, unknown> {
  const {
    id,
    username,
    legacyId,
    status,
    email,
    emailVerified,
    phoneNumber,
    phoneNumberVerified,
    profile,
    properties,
    passwordUpdateRequired,
    createdAt,
  } = user;
  const password = secrets.passwords.get(id);
  const totp = secrets.totps.get(id);
  return {
    id,
    ...(legacyId === null ? {} : { legacy_id: legacyId }),
    ...(username === null ? {} : { username }),
    ...(email === null ? {} : { email, email_verified: emailVerified }),
    ...(phoneNumber === null ? {} : { phone_number: phoneNumber, phone_number_verified: phoneNumberVerified }),
    ...profile,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    status,
    ...(passwordUpdateRequired ? { password_update_required: true } : {}),
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

function furtherOnWire(contacts: readonly BulkContact[]): Record<string, unknown> {
  const of = (wanted: BulkContact['kind']) => contacts.filter(({ kind }) => kind === wanted).map(({ value }) => value);
  return Object.fromEntries(
    Object.entries({ further_emails: of('email'), further_phone_numbers: of('phone') }).filter(
      ([, values]) => values.length > 0,
    ),
  );
}

function passwordOnWire({ hash, scheme }: { hash: string; scheme: string | null }): Record<string, unknown> {
  if (scheme === OLD_SYSTEM) return { password_hash_format: OLD_SYSTEM };
  return { password_hash: hash, password_hash_format: scheme ?? 'argon2' };
}

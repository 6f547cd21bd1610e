/** Credentials and linked accounts of a user, stored without the pages on which users add them. */
import { randomBytes } from 'node:crypto';
import { operator } from '#audit/module.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
import type { TestApp, TestUser } from './app.ts';

const idOf = ({ id }: Pick<TestUser, 'id'>) => id as Id<'usr'>;

/** A passkey that verifies its user; answers with its id. */
export async function keepPasskey({ app }: TestApp, user: Pick<TestUser, 'id'>): Promise<string> {
  const id = newId('psk');
  await app.database.sql(
    `insert into passkey (id, user_id, credential_id, public_key, algorithm, sign_count, transports, aaguid, name, is_backup_eligible,
       is_backed_up, user_verified, attestation_format, created_at)
     values ($1, $2, $3, $3, -7, 0, '["internal"]', '00000000-0000-0000-0000-000000000000', null, false, false, true, 'none', now())`,
    [toUuid(id), toUuid(idOf(user)), randomBytes(16)],
  );
  return id;
}

/** An authenticator app with a known secret. */
export async function keepTotp({ app }: TestApp, user: Pick<TestUser, 'id'>, name = 'Work phone'): Promise<void> {
  const { totp } = app.credentials;
  await app.database.transaction((em) => totp.import(em, idOf(user), { secret: 'JBSWY3DPEHPK3PXPJBSWY3DP', name }));
}

/** Ten recovery codes. */
export async function keepRecoveryCodes({ app }: TestApp, user: Pick<TestUser, 'id'>): Promise<void> {
  await app.credentials.recoveryCodes.make({ userId: idOf(user), holder: 'test' }, operator);
}

/** A browser that is not asked for the second factor; answers with its id. */
export async function keepTrustedBrowser({ app }: TestApp, user: Pick<TestUser, 'id'>): Promise<string> {
  const id = newId('tdev');
  await app.database.sql(
    `insert into trusted_device (id, user_id, secret_hash, user_agent, ip, created_at, seen_at, expires_at)
     values ($1, $2, $3, 'Firefox', '192.0.2.7', now(), now(), now() + interval '1 day')`,
    [toUuid(id), toUuid(idOf(user)), randomBytes(32)],
  );
  return id;
}

/** An account at a provider. */
export async function keepIdentity({ app }: TestApp, user: Pick<TestUser, 'id'>, connection = 'github'): Promise<void> {
  await app.database.sql(
    `insert into user_identity (connection, issuer, subject, user_id, created_at, name)
     values ($1, 'https://provider.example', $2::text, $2::uuid, now(), 'ada@provider.example')`,
    [connection, toUuid(idOf(user))],
  );
}

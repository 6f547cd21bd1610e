/**
 * `keys reencrypt` reaches every sealed column. The columns are found by themselves: by the files that seal, and by the names in the
 * database. For each of them a row is written whose text is under a secret that nothing knows: the command must meet it.
 */
import { globSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { startTestApp, type TestApp, testSecrets } from '../../support/app.ts';

/** The files that seal texts, with the columns that keep them. */
const columnsOf: Readonly<Record<string, readonly string[]>> = {
  'src/oidc/keys/key-rotation.ts': ['signing_key.private_sealed'],
  'src/saml/keys/key-roll-over.ts': ['saml_key.private_sealed'],
  'src/saml/applications/sealed-rows.ts': ['saml_request.sealed', 'saml_logout.sealed'],
  'src/connections/connection-service.ts': ['connection.sealed_secret'],
  'src/directory/identities/identity-tokens.ts': ['user_identity.sealed_tokens'],
  'src/sign-in/federation/upstream-sessions.ts': ['upstream_session.sign_out_hint', 'upstream_session.sealed_tokens'],
  'src/sign-in/federation/attempts.ts': ['federation_attempt.sealed', 'federation_attempt.answer'],
  'src/applications/clients/client-secrets.ts': ['client_secret.sealed'],
  'src/credentials/totp/totp-service.ts': ['totp_credential.sealed'],
  'src/credentials/totp/totp-enrolments.ts': ['totp_enrolment.sealed'],
  'src/credentials/recovery-codes/recovery-codes.ts': ['recovery_codes.shown_sealed'],
  'src/audit/sealing-keys.ts': ['audit_seal_key.sealed'],
  'src/trial/mailbox/mailbox-service.ts': ['mailbox_message.sealed'],
  'src/kernel/jobs.ts': ['job.data'],
  'src/api/idempotency/stored-answers.ts': ['api_stored_answer.sealed'],
  // It seals again what the others have sealed.
  'src/kernel/crypto.ts': [],
  // A browser or a program keeps these texts, in a cookie or in an address: no table has them.
  'src/kernel/http/refusal.ts': [],
  'src/kernel/operations/cursors.ts': [],
  'src/oidc/device/shown-devices.ts': [],
  'src/oidc/sessions/reauthentication-gate.ts': [],
  'src/connections/transaction.ts': [],
  'src/sign-in/interaction/passkeys-here.ts': [],
  'src/sign-in/interaction/remembered-accounts.ts': [],
  'src/sign-in/federation/upstream-sign-out.ts': [],
  'src/directory/waitlist/module.ts': [],
};
const columns = Object.values(columnsOf).flat();

test('each file that seals a text says in which column it is kept', () => {
  const sealing = globSync('src/**/*.ts').filter((path) => /\.seal\((?!\))/.test(readFileSync(path, 'utf8')));
  expect(sealing.map((path) => path.replaceAll('\\', '/')).sort()).toEqual(Object.keys(columnsOf).sort());
});

type Column = { table_schema: string; table_name: string; column_name: string; data_type: string; is_needed: boolean };

describe('keys reencrypt', () => {
  let latchkey: TestApp;
  let all: readonly Column[];
  beforeAll(async () => {
    latchkey = await startTestApp({ embedded: true });
    all = await latchkey.app.database.sql<Column>(
      `select table_schema, table_name, column_name, data_type, is_nullable = 'NO' and column_default is null as is_needed
       from information_schema.columns where table_schema in ('public', 'latchkey_jobs')`,
    );
  });
  afterAll(() => latchkey.close());

  test('knows every column whose name says that it is sealed', () => {
    const named = all.filter(
      ({ column_name: name, data_type: type }) => /(^|_)sealed(_|$)/.test(name) && /text|json/.test(type),
    );
    const found = named.map(({ table_name: table, column_name: column }) => `${table}.${column}`);
    expect(columns).toEqual(expect.arrayContaining(found));
    expect(found.length).toBeGreaterThan(10);
  });

  const ofNothing: Readonly<Record<string, unknown>> = {
    uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
    text: 'x',
    bytea: Buffer.alloc(32, 1),
    'timestamp with time zone': new Date('2100-01-01'),
    jsonb: '{}',
    json: '{}',
    integer: 1,
    smallint: 1,
    bigint: 1,
    boolean: false,
    ARRAY: '{}',
  };

  test.each(columns)('meets a text in %s', async (name) => {
    const { app } = latchkey;
    const [table = '', column = ''] = name.split('.');
    const sealed = createKeyRing(['a secret that this instance never had, 32 bytes']).seal('text', 'place');
    const own = all.filter(({ table_name }) => table_name === table);
    const given = own.filter(({ column_name, is_needed: isNeeded }) => isNeeded || column_name === column);
    const valueOf = ({ column_name, data_type }: Column): unknown => {
      if (column_name === column) return data_type === 'jsonb' ? JSON.stringify({ sealed }) : sealed;
      if (columns.includes(`${table}.${column_name}`)) return createKeyRing([testSecrets]).seal('text', 'place');
      return table === 'job' && column_name === 'name' ? 'clean-up' : ofNothing[data_type];
    };
    const into = `${own[0]?.table_schema}.${table}`;
    // No row of another table is needed beside it.
    await app.database.transaction(async (em) => {
      await em.execute('set local session_replication_role = replica');
      await em.execute(
        `insert into ${into} (${given.map(({ column_name }) => column_name).join(', ')})
         values (${given.map(({ data_type }) => (data_type === 'ARRAY' ? '?::text[]' : '?')).join(', ')})`,
        given.map(valueOf),
      );
    });
    await expect(latchkey.run('keys.reencrypt')).rejects.toThrow('No secret of the key ring has the id');
    const text = table === 'job' ? `data ->> 'sealed'` : column;
    await app.database.sql(`delete from ${into} where ${text} = $1`, [sealed]);
    const { reencrypted } = await latchkey.run<{ reencrypted: Record<string, { changed: number }> }>('keys.reencrypt');
    expect(Object.values(reencrypted).map(({ changed }) => changed)).toEqual(Object.keys(reencrypted).map(() => 0));
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { exportPeople, importPeople } from '#migration/command-line.ts';
import type { LineResult } from '#migration/import-service.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';
import { vectors } from '../credentials/foreign-hashes/vectors.ts';

let latchkey: TestApp;
let client: TestClient;
let folder: string;
beforeAll(async () => {
  latchkey = await startTestApp({ safeHashes: true, settings: { 'limits.passwordFailuresPerAddress': 10_000 } });
  client = await latchkey.client();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-sign-in-'));
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

/** One person with this hash; more members as a line of a file has them. */
async function bring(hash: Record<string, unknown>, app = latchkey): Promise<{ id: string; email: string }> {
  const email = `p${randomBytes(6).toString('hex')}@example.com`;
  const { results } = await app.run<{ results: LineResult[] }>('users.import', {
    lines: [{ line: 1, record: { email, email_verified: true, ...hash } }],
  });
  expect(results).toEqual([{ line: 1, outcome: 'created', email }]);
  const again = await app.run<{ results: LineResult[] }>('users.import', { lines: [{ line: 1, record: { email } }] });
  return { id: String(again.results[0]?.id), email };
}
const onWire = ({ hash, format, parameters }: (typeof vectors)[number]) => ({
  password_hash: hash,
  ...(format === undefined ? {} : { password_hash_format: format }),
  ...(parameters === undefined ? {} : { password_hash_parameters: parameters }),
});
const signIn = (person: { email: string; password: string }, app = latchkey, relyingParty = client) =>
  new Visitor().signIn(authorizeUrl(app.base, relyingParty, { code_challenge: pkce().challenge }), person);
const stored = async (id: string, app = latchkey) =>
  (
    await app.app.database.sql<{ hash: string; scheme: string | null }>(
      'select hash, scheme from password_credential where user_id = $1',
      [toUuid(id as never)],
    )
  )[0];

/** The first vector of each family whose password a form can send. */
const oneEach = [
  ...Map.groupBy(
    vectors.filter(({ password }) => password !== ''),
    ({ scheme }) => scheme,
  ),
].map(([scheme, [vector]]) => [scheme, vector!] as const);

describe('a user with a password hash of another system', () => {
  test.each(oneEach)('signs in by %s once, and by our hash from then on', async (scheme, vector) => {
    const { id, email } = await bring(onWire(vector));
    expect(await stored(id)).toMatchObject({ scheme });
    await expect(signIn({ email, password: `not ${vector.password}` })).rejects.toThrow('refused');
    expect(await stored(id)).toMatchObject({ scheme });
    expect((await signIn({ email, password: vector.password })).get('code')).toMatch(/^lk_ac_/);
    expect(await stored(id)).toEqual({
      hash: expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/),
      scheme: null,
    });
    expect((await signIn({ email, password: vector.password })).get('code')).toMatch(/^lk_ac_/);
    await expect(signIn({ email, password: `not ${vector.password}` })).rejects.toThrow('refused');
  });

  test('reaches the hash five times at most in two hundred tries at once, and the right one behind them fails', async () => {
    const { id } = await bring({ password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=' });
    const { passwords } = latchkey.app;
    const tries = Array.from({ length: 200 }, (_, i) =>
      passwords.verify({ userId: id as never, password: i < 199 ? `guess ${i}` : 'Zürich', budget: id }),
    );
    const kinds = (await Promise.allSettled(tries)).map((tried) =>
      tried.status === 'fulfilled' ? tried.value.kind : 'busy',
    );
    expect(kinds.filter((kind) => kind === 'wrong' || kind === 'verified')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'throttled')).toHaveLength(195);
  });

  test('keeps our first hash when both browsers are right at once', async () => {
    const { id } = await bring({ password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=' });
    const { passwords } = latchkey.app;
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => passwords.verify({ userId: id as never, password: 'Zürich', budget: id })),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['verified', 'verified', 'verified']);
    expect(await stored(id)).toMatchObject({ scheme: null });
    expect((await passwords.verify({ userId: id as never, password: 'Zürich', budget: id })).kind).toBe('verified');
  });

  test('is not accepted by a hash above the present cost limit', async () => {
    const { id } = await bring({ password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=' });
    const replace = (hash: string) =>
      latchkey.app.database.sql('update password_credential set hash = $1 where user_id = $2', [
        hash,
        toUuid(id as never),
      ]);
    await replace('$2b$31$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq');
    expect((await latchkey.app.passwords.verify({ userId: id as never, password: '', budget: id })).kind).toBe('wrong');
    await replace('{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=');
  });

  test('cannot sign in while disabled', async () => {
    const { email } = await bring({ password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=', status: 'disabled' });
    await expect(signIn({ email, password: 'Zürich' })).rejects.toThrow('refused');
  });
});

describe('an export', () => {
  const exportTo = async (format: 'jsonl' | 'csv', withHashes: boolean) => {
    const path = join(folder, `out-${format}-${withHashes}.${format}`);
    const summary = await exportPeople(latchkey.app.run, {
      format,
      withHashes,
      output: path,
    });
    return { path, ...summary };
  };

  test.each(['jsonl', 'csv'] as const)(
    'as %s is imported by an empty instance, where users sign in as before',
    async (format) => {
      const people = [
        {
          ...(await bring({
            ...onWire(oneEach[0]![1]),
            name: 'Ada, "the" first\nof hers',
            properties: { plan: 'gold', n: [1] },
          })),
          password: oneEach[0]![1].password,
        },
        {
          ...(await bring({
            password: 'correct horse battery staple 9',
            phone_number: '+442071234567',
            phone_number_verified: true,
          })),
          password: 'correct horse battery staple 9',
        },
        {
          ...(await bring({
            ...onWire(vectors.find(({ scheme }) => scheme === 'firebase-scrypt')!),
            identities: [{ connection: 'g', subject: `s-${format}` }],
          })),
          password: 'user1password',
        },
      ];
      const second = `second-${format}@further.example`;
      await bring({
        totp_secret: 'JBSWY3DPEHPK3PXP',
        totp_digits: 8,
        address: { country: 'UK' },
        further_emails: [second],
        further_phone_numbers: ['+12025550123'],
      });
      const { path, users } = await exportTo(format, true);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      const empty = await startTestApp();
      try {
        const there = await empty.client();
        const ask = empty.app.run;
        const summary = await importPeople(ask, path, {});
        expect(summary).toMatchObject({ lines: users, created: users, refused: 0 });
        for (const { id, email, password } of people) {
          // The subject that relying parties know stays the same.
          expect(await stored(id, empty)).toMatchObject({ hash: expect.stringMatching(/.+/) });
          expect((await signIn({ email, password }, empty, there)).get('code')).toMatch(/^lk_ac_/);
        }
        // Everything else is the same too: seen from there, nothing differs.
        const back = join(folder, `back-${format}.jsonl`);
        await exportPeople(ask, { output: back });
        const here = await exportPeople(latchkey.app.run, {
          output: `${back}.here`,
        });
        expect(here.users).toBe(users);
        expect((await readFile(back, 'utf8')).split('\n').sort()).toEqual(
          (await readFile(`${back}.here`, 'utf8')).split('\n').sort(),
        );
        const secrets = await empty.app.database.sql('select digits from totp_credential');
        expect(secrets).toContainEqual({ digits: 8 });
        const further = await empty.app.database.sql('select value from contact where verified_at is not null');
        expect(further).toEqual(expect.arrayContaining([{ value: second }, { value: '+12025550123' }]));
      } finally {
        await empty.close();
      }
    },
  );

  test('contains no hash and no secret by default', async () => {
    await bring({ password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=', totp_secret: 'JBSWY3DPEHPK3PXP' });
    const { path } = await exportTo('jsonl', false);
    const text = await readFile(path, 'utf8');
    expect(text).not.toMatch(/password_hash|argon2|\{SHA\}|totp_secret|JBSWY3DP/);
  });

  test('is written to a new file only, and recorded in the audit log', async () => {
    const { path } = await exportTo('csv', false);
    await expect(exportPeople(async () => ({ ok: true, result: { users: [] } }), { output: path })).rejects.toThrow(
      /EEXIST/,
    );
    const events = await latchkey.app.database.sql<{ details: unknown }>(
      `select details from audit_record where type = 'users.exported'`,
    );
    expect(events).toContainEqual({ details: { with_hashes: true } });
  });
});

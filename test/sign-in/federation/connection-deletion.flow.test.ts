/** The end of a connection, and of a linked account: nothing of them is left, here and at the provider, and nobody is locked out unasked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { signInTo } from '../../support/account.ts';
import { type Federation, identitiesOf, someone, startFederation } from '../../support/federation.ts';
import { demand, realmOf } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import { formsOf } from '../../support/visitor.ts';

let it: Federation;
/** Tokens that the provider was told to revoke, with their kind. */
const revoked: (readonly [string | null, string | null])[] = [];
let revocation: { status?: number; json?: unknown } = {};

beforeAll(async () => {
  it = await startFederation();
  const { url, answers } = it.upstream;
  answers[`${url}/.well-known/openid-configuration`] = {
    ...(answers[`${url}/.well-known/openid-configuration`] as object),
    revocation_endpoint: `${url}/revoke`,
  };
  answers[`${url}/revoke`] = ({ body }) => {
    revoked.push([body.get('token'), body.get('token_type_hint')]);
    return revocation;
  };
  const signIn = answers[`${url}/token`] as (asked: unknown) => Promise<{ json: object }>;
  answers[`${url}/token`] = async (asked) => ({ json: { ...(await signIn(asked)).json, refresh_token: 'refresh-1' } });
});
afterAll(() => it.close());
beforeEach(() => {
  revoked.length = 0;
  revocation = { json: {} };
});

const sql = (text: string, values: unknown[] = []) => it.latchkey.app.database.sql(text, values);
async function arrive(slug: string, person: Record<string, unknown> = someone()) {
  it.tell(person);
  const visitor = newcomer();
  const page = await it.pass(visitor, await it.begin(visitor), slug);
  expect(page.location).toContain('code=');
  return { person: person as ReturnType<typeof someone>, visitor };
}
let made = 0;
const fresh = () => `connection-${++made}`;
const remove = (connection: string, more = {}) => it.latchkey.run('connections.delete', { connection, ...more });
const refusalOf = (connection: string): Promise<string | null> =>
  remove(connection).then(
    () => null,
    (error: unknown) => String(error),
  );
/** A user without an email address and without a password. */
const withoutMail = (email: string, username: string) =>
  sql('update users set email = null, email_canonical = null, email_verified = false, username = $2 where email = $1', [
    email,
    username,
  ]);

describe('a deleted connection', () => {
  test('leaves nothing of its users at it', async () => {
    const slug = fresh();
    await it.connect(slug, { stores_tokens: true });
    const { person } = await arrive(slug);
    await it.latchkey.run('connections.test', { connection: slug });
    await remove(slug);
    const columns = await sql(
      `select table_name, column_name from information_schema.columns
       where table_schema = current_schema() and column_name in ('connection', 'connection_id') and table_name not like 'audit%'`,
    );
    expect(columns.map((column) => column['table_name'])).toEqual(
      expect.arrayContaining(['user_identity', 'upstream_session', 'connection_test']),
    );
    for (const { table_name: table, column_name: column } of columns)
      expect(
        await sql(`select 1 from ${String(table)} where ${String(column)}::text = $1`, [slug]),
        `${String(table)}.${String(column)}`,
      ).toEqual([]);
    expect(await identitiesOf(it.latchkey, person.email)).toEqual([]);
    // A later one of the same name is another one.
    await it.connect(slug, { links_by_email: false });
    it.tell(person);
    const visitor = newcomer();
    expect((await it.pass(visitor, await it.begin(visitor), slug)).location ?? '').not.toContain('code=');
  });

  test('is refused where it is all that a user has, with the name, unless the caller insists', async () => {
    const slug = fresh();
    await it.connect(slug);
    const [one, other] = [(await arrive(slug)).person, (await arrive(slug)).person];
    await withoutMail(one.email, `weaver${made}`);
    expect(await refusalOf(slug)).toMatch(
      new RegExp(`connections.last_way_in Nothing else signs in weaver${made}, and`),
    );
    expect(await identitiesOf(it.latchkey, other.email)).toHaveLength(1);
    // Another connection is a way back.
    const second = fresh();
    await it.connect(second);
    await sql(
      `insert into user_identity (connection, issuer, subject, user_id, created_at)
       select $1, issuer, subject, user_id, now() from user_identity where connection = $2 and subject = $3`,
      [second, slug, one.sub],
    );
    expect(await refusalOf(slug)).toBeNull();
    expect(await refusalOf(second)).toContain('connections.last_way_in');
    await remove(second, { force: true });
    expect(await sql('select 1 from user_identity where subject = $1', [one.sub])).toEqual([]);
  });

  test('is refused where a domain demands it, unless the caller insists', async () => {
    const realm = await realmOf(it, 'connection');
    expect(await refusalOf(realm.connection)).toMatch(new RegExp(`connections.demanded .*${realm.domain}`));
    await demand(it, realm, 'any');
    expect(await refusalOf(realm.connection)).toBeNull();
    const other = await realmOf(it, 'connection');
    await it.connect(fresh(), { organization_id: other.id });
    await demand(it, other, 'connection', [other.connection]);
    expect(await refusalOf(other.connection)).toMatch(new RegExp(`connections.demanded .*${other.domain}`));
    await it.latchkey.run('organizations.connections.delete', {
      organization_id: other.id,
      connection: other.connection,
      force: true,
    });
  });
});

describe('an unlinked account', () => {
  const page = () => `${it.latchkey.base}/account/linked-accounts`;
  async function link(slug: string) {
    const { visitor } = await signInTo(it.latchkey);
    it.tell(someone());
    const form = formsOf(await visitor.open(page())).find(({ action }) => action.endsWith('/link'))!;
    const away = await visitor.request(form.action, { form: { ...form.fields, connection: slug } });
    expect((await visitor.open(it.callback(away, slug))).url).toContain('done=linked');
    return visitor;
  }

  test('has its tokens revoked at the provider', async () => {
    const slug = fresh();
    await it.connect(slug, { stores_tokens: true });
    const visitor = await link(slug);
    expect((await visitor.submit(await visitor.open(page()), {}, 'remove')).url).toContain('done=removed');
    expect(revoked).toEqual([['refresh-1', 'refresh_token']]);
  });

  test('is unlinked also where the provider refuses to revoke, and where none are kept nothing is asked', async () => {
    const [slug, plain] = [fresh(), fresh()];
    await it.connect(slug, { stores_tokens: true });
    await it.connect(plain);
    revocation = { status: 503, json: { error: 'temporarily_unavailable' } };
    const visitor = await link(slug);
    expect((await visitor.submit(await visitor.open(page()), {}, 'remove')).url).toContain('done=removed');
    expect(revoked).toHaveLength(1);
    const other = await link(plain);
    expect((await other.submit(await other.open(page()), {}, 'remove')).url).toContain('done=removed');
    expect(revoked).toHaveLength(1);
  });
});

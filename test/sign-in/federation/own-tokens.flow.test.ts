/** Users fetch their own tokens of a provider, through a client with the scope that the connection names. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiAnswer, API, callApi, refusalOf } from '../../support/api.ts';
import type { TestClient } from '../../support/app.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { newcomer } from '../../support/registration.ts';
import { authorizeUrl, pkce, post, type Visitor } from '../../support/visitor.ts';

const SCOPE = 'own_identities.tokens.export';
const apis = { [API]: [SCOPE] };

let it: Federation;
/** Named by the connection. */
let calendar: TestClient;
/** With the scope, and not named. */
let mail: TestClient;
/** The members of the next answers of the token endpoint. */
let given: Record<string, unknown>;
let refreshed: { status?: number; json: Record<string, unknown> };
let refreshes = 0;

beforeAll(async () => {
  it = await startFederation({ 'limits.apiCallsPerMinute': 10_000 });
  [calendar, mail] = await Promise.all([
    it.latchkey.client({ first_party: true, apis }),
    it.latchkey.client({ first_party: true, apis }),
  ]);
  const token_clients = [calendar.client_id];
  await it.latchkey.run('connections.update', { connection: 'acme', stores_tokens: true, token_clients });
  await it.connect('plain', { token_clients });
  const endpoint = `${it.upstream.url}/token`;
  const signIn = it.upstream.answers[endpoint] as (asked: unknown) => Promise<{ json: Record<string, unknown> }>;
  it.upstream.answers[endpoint] = async (asked) => {
    if (asked.body.get('grant_type') === 'refresh_token') {
      refreshes += 1;
      return refreshed;
    }
    return { json: { ...(await signIn(asked)).json, ...given } };
  };
});
afterAll(() => it.close());
beforeEach(() => {
  refreshes = 0;
  given = { access_token: 'access-1', refresh_token: 'refresh-1', scope: 'openid calendar' };
  refreshed = { json: { access_token: 'access-2', token_type: 'bearer', expires_in: 3600 } };
});

/** An access token of a user who signs in at the provider. */
async function arrive(
  client: TestClient,
  person: Record<string, unknown> = someone(),
  {
    slug = 'acme',
    visitor = newcomer(),
    scope = `openid ${SCOPE}`,
  }: { slug?: string; visitor?: Visitor; scope?: string } = {},
): Promise<string> {
  it.tell(person);
  const { verifier, challenge } = pkce();
  const asked = { code_challenge: challenge, scope, resource: API };
  const page = await it.pass(visitor, await visitor.open(authorizeUrl(it.latchkey.base, client, asked)), slug);
  const code = new URL(page.location ?? '').searchParams.get('code') ?? '';
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0]!, resource: API };
  return (await post(`${it.latchkey.base}/oidc/token`, client, { ...exchange, code_verifier: verifier })).body
    .access_token;
}

const fetchToken = (token: string, slug = 'acme', json?: object): Promise<ApiAnswer> =>
  callApi(it.latchkey, `/v1/me/identities/${slug}/fetch-token`, { method: 'POST', token, json });

describe('a client that the connection names', () => {
  test('gets the access token of its user, and no refresh token', async () => {
    const person = someone();
    const answer = await fetchToken(await arrive(calendar, person));
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        access_token: 'access-1',
        token_type: 'bearer',
        expires_at: expect.stringMatching(/Z$/),
        scope: 'openid calendar',
      },
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const events = await it.latchkey.app.database.sql(
      `select r.actor_type, r.client_id, r.details from audit_record r join user_identity i on r.subject_id like 'usr_%'
       where r.type = 'user.upstream_token_fetched' and i.subject = $1 and r.actor_id = r.subject_id`,
      [person.sub],
    );
    expect(events).toEqual([{ actor_type: 'user', client_id: calendar.client_id, details: { connection: 'acme' } }]);
  });

  test('gets no token of another user', async () => {
    const other = someone();
    await arrive(calendar, other);
    const token = await arrive(calendar);
    expect(refusalOf(await fetchToken(token, 'acme', { subject: other.sub }))).toEqual([
      409,
      'connections.sign_in_again',
    ]);
  });

  test('gets one that was refreshed once for two who ask at the same time', async () => {
    given = { ...given, expires_in: 30 };
    const token = await arrive(calendar);
    const answers = await Promise.all([fetchToken(token), fetchToken(token)]);
    expect(answers.map(({ body }) => body['access_token'])).toEqual(['access-2', 'access-2']);
    expect(answers[0].body['scope']).toBe('openid calendar');
    expect(refreshes).toBe(1);
  });

  test('hears that the user must sign in again where the provider refuses to refresh, and asks it once', async () => {
    given = { ...given, expires_in: 1 };
    refreshed = { status: 400, json: { error: 'invalid_grant' } };
    const [person, visitor] = [someone(), newcomer()];
    const token = await arrive(calendar, person, { visitor });
    for (let calls = 0; calls < 2; calls += 1)
      expect(refusalOf(await fetchToken(token))).toEqual([409, 'connections.sign_in_again']);
    expect(refreshes).toBe(1);
    given = { ...given, expires_in: 3600 };
    const later = await arrive(calendar, person);
    expect((await fetchToken(later)).body).toMatchObject({ access_token: 'access-1' });
  });

  test('gets none while the provider does not answer', async () => {
    given = { ...given, expires_in: 1 };
    refreshed = { status: 500, json: { error: 'server_error' } };
    expect(refusalOf(await fetchToken(await arrive(calendar)))).toEqual([503, 'connections.unreachable']);
  });

  test('gets none of a connection that keeps none', async () => {
    const token = await arrive(calendar, someone(), { slug: 'plain' });
    expect(refusalOf(await fetchToken(token, 'plain'))).toEqual([404, 'connections.no_token']);
  });

  test('is held up when it asks for each call', async () => {
    const token = await arrive(calendar);
    const answers = await Promise.all(Array.from({ length: 31 }, () => fetchToken(token)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.map(refusalOf)).toEqual([[429, 'connections.too_many_token_fetches']]);
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetchToken(await arrive(calendar))).status).toBe(200);
  });
});

describe('refused is', () => {
  test('a client that the connection does not name, as at a connection that does not exist', async () => {
    const token = await arrive(mail);
    for (const slug of ['acme', 'unknown'])
      expect(refusalOf(await fetchToken(token, slug))).toEqual([403, 'connections.client_not_permitted']);
  });

  test('a token without the scope', async () => {
    const client = await it.latchkey.client({ first_party: true, apis: { [API]: [SCOPE, 'users.read'] } });
    const token = await arrive(client, someone(), { scope: 'openid users.read' });
    expect(refusalOf(await fetchToken(token))).toEqual([403, 'api.insufficient_scope']);
  });

  test('a client without the scope: it gets no token with it', async () => {
    const client = await it.latchkey.client({ first_party: true });
    await it.latchkey.run('connections.update', {
      connection: 'acme',
      token_clients: [calendar.client_id, client.client_id],
    });
    const asked = { code_challenge: pkce().challenge, scope: `openid ${SCOPE}`, resource: API };
    const page = await newcomer().open(authorizeUrl(it.latchkey.base, client, asked));
    expect(page.location).toContain('error=invalid_target');
  });

  test('a client that does not exist in a connection', async () => {
    const wrong = { connection: 'acme', token_clients: ['nobody'] };
    await expect(it.latchkey.run('connections.update', wrong)).rejects.toThrow('there is no client nobody');
  });

  test('the scope in a role', async () => {
    await expect(it.latchkey.run('roles.create', { name: 'Calendars', permissions: [SCOPE] })).rejects.toThrow(
      /is no permission/,
    );
  });
});

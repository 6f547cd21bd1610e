/** Each row of the table of providers, with answers as the documentation of the provider shows them. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { providerNames } from '#connections/providers/provider.ts';
import { isGeneric } from '#connections/connection-rules.ts';
import { providers } from '#connections/providers/providers.ts';
import type { Database } from '#kernel/database.ts';
import { connectionsOn, issuer, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { apiAnswers, idTokens, type Sample } from './provider-samples.ts';

let database: Database;
let upstream: Upstream;
let node: ReturnType<typeof connectionsOn>;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p8 = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

beforeAll(async () => {
  database = await openTestDatabase();
  upstream = await startUpstream();
  node = connectionsOn(database, { upstream });
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  upstream.asked.length = 0;
  for (const address of Object.keys(upstream.answers)) delete upstream.answers[address];
});

const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);

async function connect(provider: string, more: object = {}): Promise<void> {
  const client = { client_id: 'latchkey', client_secret: 'shared secret' };
  await node.call('connections.create', { slug: provider, provider, ...client, ...more });
}

/** The provider issues ID tokens with these claims. */
function issueIdTokens(issuedBy: string, claims: object): void {
  upstream.openid(issuedBy, ({ body }) => ({
    iss: issuedBy,
    aud: 'latchkey',
    exp: seconds() + 300,
    iat: seconds(),
    nonce: body.get('code'),
    ...claims,
  }));
}

/** The provider answers these addresses with JSON, and the token endpoint with an access token. */
function answer(tokenEndpoint: string, answers: Readonly<Record<string, object>>, tokens: object = {}): void {
  upstream.answers[tokenEndpoint] = { access_token: 'upstream-access-token', token_type: 'bearer', ...tokens };
  Object.assign(upstream.answers, answers);
}

const profileOf = async (provider: string) => {
  const outcome = await signInAt(node, provider);
  if (outcome.kind !== 'profile') throw new Error(JSON.stringify([outcome, node.lines.at(-1)]));
  const { connection, ...profile } = outcome.profile;
  expect(connection).toMatchObject({ slug: provider, provider });
  return profile;
};

const idTokenRows = idTokens.map((sample): [string, Sample] => [sample.provider, sample]);
const apiRows = apiAnswers.map((sample): [string, (typeof apiAnswers)[number]] => [sample.provider, sample]);

describe('a provider of OpenID Connect', () => {
  test.each(idTokenRows)('%s', async (provider, { issuer: issuedBy, claims, profile }) => {
    const settings: Record<string, object> = {
      apple: { client_secret: p8, team_id: 'TEAM', key_id: 'KEY' },
      microsoft: { issuer: issuedBy },
    };
    await connect(provider, settings[provider]);
    issueIdTokens(issuedBy, claims);
    if (provider === 'apple') {
      upstream.answers['https://appleid.apple.com/auth/token'] = upstream.answers[`${issuedBy}/token`]!;
      upstream.answers['https://appleid.apple.com/auth/keys'] = upstream.answers[`${issuedBy}/keys`]!;
    }
    expect(await profileOf(provider)).toMatchObject({ issuer: issuedBy, ...profile });
    const exchange = upstream.asked.find(({ method }) => method === 'POST')!;
    expect(exchange.body.get('redirect_uri')).toBe(`${issuer}/federation/${provider}/callback`);
    expect(exchange.body.get('code_verifier')).toMatch(/^[\w-]{43}$/);
  });

  test.each<[string, object, boolean]>([
    ['a mailbox of Google', { email: 'nina@gmail.com' }, true],
    ['a hosted domain', { email: 'nina@fernway.example', hd: 'fernway.example' }, true],
    ['another mailbox, which Google verified once', { email: 'nina@elsewhere.example' }, false],
    ['an empty hosted domain', { email: 'nina@elsewhere.example', hd: '' }, false],
    ['a mailbox that only looks like one of Google', { email: 'nina@gmail.com.example' }, false],
  ])('Google vouches for %s: %o %s', async (_, claims, isTrusted) => {
    await connect('google');
    issueIdTokens('https://accounts.google.com', { sub: '110169', name: 'Nina', email_verified: true, ...claims });
    expect((await profileOf('google')).email).toMatchObject({ isTrusted });
  });

  test.each<[unknown, boolean]>([
    [true, true],
    [1, true],
    ['1', true],
    ['true', true],
    [undefined, false],
    [false, false],
    ['0', false],
    ['yes', false],
    [{}, false],
  ])('Microsoft vouches for an address with xms_edov %j: %s', async (edov, isTrusted) => {
    const tenant = 'https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0';
    await connect('microsoft', { issuer: tenant, trusts_email: true });
    // An `email_verified` of a tenant means nothing.
    const email = { email: 'nina@fernway.example', email_verified: true };
    const tid = '9122040d-6c67-4c5b-b112-36a304b66dad';
    issueIdTokens(tenant, { tid, sub: 'AAAAAAA', name: 'Nina', ...email, xms_edov: edov });
    expect((await profileOf('microsoft')).email).toEqual({
      address: 'nina@fernway.example',
      isTrusted,
      isAsserted: isTrusted || edov === undefined,
    });
  });

  test('Microsoft signs for the tenant of the user where a connection admits all tenants', async () => {
    await connect('microsoft');
    const common = 'https://login.microsoftonline.com/common/v2.0';
    const issuedBy = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0';
    upstream.openid(
      common,
      ({ body }) => ({
        iss: issuedBy,
        tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
        aud: 'latchkey',
        exp: seconds() + 300,
        iat: seconds(),
        nonce: body.get('code'),
        sub: 'AAAAAAA',
        name: 'Nina',
        email: 'nina@outlook.com',
      }),
      { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
    );
    expect(await profileOf('microsoft')).toMatchObject({ issuer: issuedBy, subject: 'AAAAAAA' });
  });

  // https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-the-issuer
  test.each<[string, string | undefined, boolean]>([
    ['of every tenant', 'https://login.microsoftonline.com/{tenantid}/v2.0', true],
    ['of the tenant', 'https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0', true],
    ['without an issuer', undefined, true],
    ['of personal accounts', 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0', false],
    ['of another kind', 'https://sts.windows.net/{tenantid}/', false],
  ])('a key %s signs for the tenant: %s %s', async (_, keyIssuer, isTaken) => {
    await connect('microsoft');
    const common = 'https://login.microsoftonline.com/common/v2.0';
    const tid = '9122040d-6c67-4c5b-b112-36a304b66dad';
    const iss = `https://login.microsoftonline.com/${tid}/v2.0`;
    upstream.openid(
      common,
      ({ body }) => ({
        iss,
        tid,
        aud: 'latchkey',
        exp: seconds() + 300,
        iat: seconds(),
        nonce: body.get('code'),
        sub: 'AAAAAAA',
        name: 'Nina',
        email: 'nina@outlook.com',
      }),
      { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
    );
    const { keys } = upstream.answers[`${common}/keys`] as { keys: object[] };
    upstream.answers[`${common}/keys`] = { keys: keys.map((key) => ({ ...key, issuer: keyIssuer })) };
    expect((await signInAt(node, 'microsoft')).kind).toBe(isTaken ? 'profile' : 'refused');
  });

  test('Apple is shown a secret that the key of the team signs, and sends the name with the first answer', async () => {
    await connect('apple', { client_secret: p8, team_id: 'TEAM', key_id: 'KEY' });
    const issuedBy = 'https://appleid.apple.com';
    issueIdTokens(issuedBy, { sub: '001234.abc.0001' });
    upstream.answers[`${issuedBy}/auth/token`] = upstream.answers[`${issuedBy}/token`]!;
    upstream.answers[`${issuedBy}/auth/keys`] = upstream.answers[`${issuedBy}/keys`]!;
    const outcome = await signInAt(node, 'apple', (parameters) =>
      parameters.set('user', '{"name":{"firstName":"Nina","lastName":"Fernway"},"email":"other@example.com"}'),
    );
    // The address in the form is not signed.
    const names = { name: 'Nina Fernway', givenName: 'Nina', familyName: 'Fernway' };
    expect(outcome).toMatchObject({ profile: { ...names, email: null } });

    const { body } = upstream.asked.find(({ url }) => url.endsWith('/auth/token'))!;
    const secret = body.get('client_secret')!;
    expect(decodeProtectedHeader(secret)).toEqual({ alg: 'ES256', kid: 'KEY' });
    const { payload } = await jwtVerify(secret, publicKey, { currentDate: node.clock.now() });
    expect(payload).toMatchObject({ iss: 'TEAM', sub: 'latchkey', aud: issuedBy });
    expect(payload.exp! - payload.iat!).toBe(60);
  });

  test.each(['not JSON', '[]', '"text"', '{"name":7}', '{"name":{"firstName":{},"lastName":[]}}', '{}'])(
    'a name from Apple in a wrong form is none: %s',
    async (user) => {
      await connect('apple', { client_secret: p8, team_id: 'TEAM', key_id: 'KEY' });
      const issuedBy = 'https://appleid.apple.com';
      issueIdTokens(issuedBy, { sub: '001234.abc.0001' });
      upstream.answers[`${issuedBy}/auth/token`] = upstream.answers[`${issuedBy}/token`]!;
      upstream.answers[`${issuedBy}/auth/keys`] = upstream.answers[`${issuedBy}/keys`]!;
      const outcome = await signInAt(node, 'apple', (parameters) => parameters.set('user', user));
      expect(outcome).toMatchObject({ profile: { name: null, givenName: null, familyName: null } });
    },
  );
});

describe('a provider of OAuth 2.0', () => {
  test.each(apiRows)('%s', async (provider, { tokenEndpoint, answers, issuer: issuedBy, profile, tokens }) => {
    await connect(provider);
    answer(tokenEndpoint, answers, tokens);
    expect(await profileOf(provider)).toMatchObject({ issuer: issuedBy, ...profile });
    const questions = upstream.asked.filter(({ method }) => method === 'GET');
    expect(questions.length).toBe(Object.keys(answers).length);
    for (const { headers } of questions) expect(headers.authorization).toMatch(/^bearer upstream-access-token$/i);
  });

  test('Facebook is shown that the token and the secret belong together', async () => {
    const { tokenEndpoint, answers, tokens } = apiAnswers.find(({ provider }) => provider === 'facebook')!;
    await connect('facebook');
    answer(tokenEndpoint, answers, tokens);
    await profileOf('facebook');
    const proof = createHmac('sha256', 'shared secret').update('upstream-access-token').digest('hex');
    const { url } = upstream.asked.find(({ method }) => method === 'GET')!;
    expect(new URL(url).searchParams.get('appsecret_proof')).toBe(proof);
  });

  test('LinkedIn gets neither a code challenge nor a nonce', async () => {
    await connect('linkedin');
    const { location } = await node.upstream.begin({ connection: 'linkedin', purpose: 'sign-in' });
    const asked = new URL(location).searchParams;
    expect([...asked.keys()].sort()).toEqual(['client_id', 'redirect_uri', 'response_type', 'scope', 'state']);
  });

  test.each<[string, object[]]>([
    ['no address', []],
    ['no primary address', [{ email: 'a@fernway.example', verified: true, primary: false }]],
    ['an answer of another form', [7 as never, null as never]],
  ])('GitHub lists %s: the profile has none', async (_, emails) => {
    await connect('github');
    const user = { id: 583231, login: 'octocat', email: 'public@fernway.example' };
    const api = 'https://api.github.com/user';
    answer('https://github.com/login/oauth/access_token', { [api]: user, [`${api}/emails`]: emails });
    expect((await profileOf('github')).email).toBeNull();
  });

  test.each([null, undefined, '583231', 0, -1, 1.5, 2 ** 53, [583231], {}, true])(
    'GitHub ids are whole numbers: %j is refused',
    async (id) => {
      await connect('github');
      const api = 'https://api.github.com/user';
      answer('https://github.com/login/oauth/access_token', { [api]: { id, login: 'a' }, [`${api}/emails`]: [] });
      expect(await signInAt(node, 'github')).toMatchObject({ kind: 'refused', reason: 'subject' });
    },
  );

  test('an error that GitHub answers with status 200 is an error', async () => {
    await connect('github');
    upstream.answers['https://github.com/login/oauth/access_token'] = { error: 'bad_verification_code' };
    expect(await signInAt(node, 'github')).toMatchObject({ kind: 'refused' });
  });
});

describe('the table of providers', () => {
  test('has a sample for every named provider', () => {
    const named = providerNames.filter((name) => !isGeneric(name));
    expect([...idTokens, ...apiAnswers].map(({ provider }) => provider).sort()).toEqual([...named].sort());
  });

  test.each(Object.entries(providers))('%s is asked over https alone', (_, provider) => {
    const addresses =
      provider.protocol === 'openid'
        ? [provider.issuer?.url, ...Object.values(provider.metadata ?? {})]
        : Object.values((provider.protocol === 'oauth' && provider.endpoints) || {});
    for (const address of addresses) if (address !== undefined) expect(address).toMatch(/^https:\/\//);
  });
});

/** A provider of OpenID Connect that does its work well, and one that lies in every part of its answers. */
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { connectionsOn, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let database: Database;
let upstream: Upstream;
let node: ReturnType<typeof connectionsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
  upstream = await startUpstream();
});
afterAll(async () => {
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  // Metadata and keys are kept by a node.
  await node?.close();
  node = connectionsOn(database, { upstream });
  upstream.asked.length = 0;
  upstream.openid(upstream.url, claims);
});
afterAll(() => node.close());

const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
type Asked = { body: URLSearchParams };
/** The stub gets the nonce as the code. */
const claims = ({ body }: Asked) => ({
  iss: upstream.url,
  aud: 'latchkey',
  sub: 'user-1',
  exp: seconds() + 300,
  iat: seconds(),
  nonce: body.get('code'),
  email: 'Nina@Fernway.example',
  email_verified: true,
  name: 'Nina Fernway',
});
const client = { client_id: 'latchkey', client_secret: 'shared secret' };
const connect = (more: object = {}) =>
  node.call('connections.create', {
    slug: 'acme',
    provider: 'oidc',
    issuer: upstream.url,
    trusts_email: true,
    ...client,
    ...more,
  });
/** The provider answers with these claims in addition. */
const lie = (changed: object | ((asked: Asked) => object)): void =>
  upstream.openid(upstream.url, (asked) => ({
    ...claims(asked),
    ...(typeof changed === 'function' ? changed(asked) : changed),
  }));

const refused = (reason: string): unknown => expect.objectContaining({ kind: 'refused', reason });

describe('a good provider', () => {
  test('ends a sign-in with a profile', async () => {
    await connect();
    lie({ acr: 'urn:mfa', amr: ['pwd', 'otp'], sid: 'session-1', auth_time: 1_900_000_000, locale: 'de_AT' });
    expect(await signInAt(node, 'acme')).toMatchObject({
      kind: 'profile',
      purpose: 'sign-in',
      profile: {
        connection: {
          id: expect.stringMatching(/^con_/),
          slug: 'acme',
          name: 'OpenID Connect',
          provider: 'oidc',
          organizationId: null,
          mayCreateUsers: true,
          mayLinkByEmail: false,
          trustsFactors: false,
          membership: { defaultRoles: ['TENANT_USER'], groupRoles: new Map(), followsProvider: true },
        },
        issuer: upstream.url,
        subject: 'user-1',
        email: { address: 'nina@fernway.example', isTrusted: true, isAsserted: true },
        name: 'Nina Fernway',
        givenName: null,
        familyName: null,
        preferredUsername: null,
        locale: 'de-AT',
        authenticatedAt: new Date(1_900_000_000_000),
        acr: 'urn:mfa',
        amr: ['pwd', 'otp'],
        groups: [],
        roles: [],
        sessionId: 'session-1',
        signOutHint: null,
        tokens: null,
      },
    });
    expect(node.lines).toEqual([]);
  });

  test('is asked with PKCE, state, nonce and hints, and with the secret in a header', async () => {
    await connect();
    const { location } = await node.upstream.begin({
      connection: 'acme',
      purpose: 'link',
      loginHint: 'nina@fernway.example',
      forceAuthentication: true,
    });
    expect(location.startsWith(`${upstream.url}/authorize?`)).toBe(true);
    expect(Object.fromEntries(new URL(location).searchParams)).toEqual({
      response_type: 'code',
      client_id: 'latchkey',
      redirect_uri: 'https://id.example/federation/acme/callback',
      scope: 'openid profile email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      login_hint: 'nina@fernway.example',
      prompt: 'login',
      max_age: '0',
    });
    await signInAt(node, 'acme');
    const { headers, body } = upstream.asked.find(({ method }) => method === 'POST')!;
    expect(headers.authorization).toBe(`Basic ${Buffer.from('latchkey:shared+secret').toString('base64')}`);
    expect(headers['user-agent']).toBe('Latchkey');
    expect([...body.keys()].sort()).toEqual(['code', 'code_verifier', 'grant_type', 'redirect_uri']);
  });

  test('is asked for discovery and keys once', async () => {
    await connect();
    await signInAt(node, 'acme');
    const before = upstream.asked.length;
    await signInAt(node, 'acme');
    expect(upstream.asked.slice(before).map(({ url }) => new URL(url).pathname)).toEqual(['/token']);
  });

  test('that takes pushed requests (RFC 9126) gets them ahead of the browser', async () => {
    await connect();
    upstream.openid(upstream.url, claims, { pushed_authorization_request_endpoint: `${upstream.url}/par` });
    upstream.answers[`${upstream.url}/par`] = () => ({ status: 201, json: { request_uri: 'urn:r:1', expires_in: 60 } });
    const { location } = await node.upstream.begin({ connection: 'acme', purpose: 'sign-in', loginHint: 'nina' });
    expect(Object.fromEntries(new URL(location).searchParams)).toMatchObject({ request_uri: 'urn:r:1' });
    expect(location).not.toContain('nina');
    expect(upstream.asked.at(-1)!.body.get('login_hint')).toBe('nina');
  });

  test.each<[string, Record<string, unknown>, boolean]>([
    ['demands signed requests', { require_signed_request_object: true }, true],
    ['offers the algorithm of the key', { request_object_signing_alg_values_supported: ['ES256'] }, true],
    ['offers another algorithm', { request_object_signing_alg_values_supported: ['PS256'] }, false],
    ['says nothing about it', {}, false],
  ])('that %s gets a signed request (RFC 9101), or a plain one', async (_, metadata, isSigned) => {
    upstream.openid(upstream.url, claims, metadata);
    const pem = pemOf('ec');
    await connect({ client_authentication: 'private_key_jwt', client_secret: pem, key_id: 'key-1' });
    const { location, state } = await node.upstream.begin({ connection: 'acme', purpose: 'sign-in' });
    const asked = new URL(location).searchParams;
    expect(asked.has('request')).toBe(isSigned);
    expect(asked.has('code_challenge')).toBe(!isSigned);
    if (!isSigned) return;
    const { payload, protectedHeader } = await jwtVerify(asked.get('request')!, createPublicKey(pem), {
      issuer: 'latchkey',
      audience: upstream.url,
    });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'key-1' });
    expect(payload).toMatchObject({ state, response_type: 'code', code_challenge_method: 'S256' });
  });

  test('may name itself in its answer (RFC 9207), and must where it says that it does', async () => {
    upstream.openid(upstream.url, claims, { authorization_response_iss_parameter_supported: true });
    await connect();
    expect(await signInAt(node, 'acme', (answer) => answer.set('iss', upstream.url))).toMatchObject({
      kind: 'profile',
    });
    expect(await signInAt(node, 'acme')).toEqual(refused('invalid_answer'));
    expect(await signInAt(node, 'acme', (answer) => answer.set('iss', 'https://other.example'))).toEqual(
      refused('invalid_answer'),
    );
  });

  test.each<[string, () => { key: string }]>([
    ['RSA', () => ({ key: pemOf('rsa') })],
    ['EC on P-256', () => ({ key: pemOf('ec') })],
    ['Ed25519', () => ({ key: pemOf('ed25519') })],
  ])('is shown an assertion that a private key of %s signs (RFC 7523)', async (_, make) => {
    await connect({ client_authentication: 'private_key_jwt', client_secret: make().key, key_id: 'key-1' });
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile' });
    const { body } = upstream.asked.find(({ method }) => method === 'POST')!;
    const [header] = body.get('client_assertion')!.split('.');
    expect(JSON.parse(Buffer.from(header!, 'base64url').toString())).toMatchObject({ kid: 'key-1' });
    expect(body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  });

  test('of another make works as well', async () => {
    const server = new OAuth2Server();
    await server.issuer.keys.generate('RS256');
    await server.start(0, '127.0.0.1');
    try {
      const issuer = server.issuer.url!;
      await connect({ issuer, slug: 'mock' });
      server.service.on('beforeTokenSigning', ({ payload }: { payload: Record<string, unknown> }) => {
        payload['email'] = 'johndoe@fernway.example';
      });
      const { location, transaction } = await node.upstream.begin({ connection: 'mock', purpose: 'sign-in' });
      const answer = await fetch(location, { redirect: 'manual' });
      const { searchParams: parameters } = new URL(answer.headers.get('location')!);
      expect(await node.upstream.finish({ connection: 'mock', transaction, parameters })).toMatchObject({
        kind: 'profile',
        profile: { issuer, subject: 'johndoe', email: { address: 'johndoe@fernway.example', isTrusted: false } },
      });
    } finally {
      await server.stop();
    }
  });
});

const pemOf = (type: 'rsa' | 'ec' | 'ed25519'): string => {
  const options = { rsa: { modulusLength: 2048 }, ec: { namedCurve: 'P-256' }, ed25519: {} }[type];
  const { privateKey } = generateKeyPairSync(type as 'ec', options as { namedCurve: string });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
};

describe('a subject', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['missing', undefined],
    ['a number', 7],
    ['a list', ['user-1']],
    ['an object', { id: 'user-1' }],
    ['true', true],
    ['empty', ''],
    ['a space', ' '],
    ['with a space in front', ' user-1'],
    ['with a line break at its end', 'user-1\n'],
    ['with a control character', 'user\u0000-1'],
    ['with a character of no width', 'user\u200b-1'],
    ['of 256 characters', 'u'.repeat(256)],
  ])('that is %s is refused', async (_, sub) => {
    await connect();
    lie({ sub });
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'refused' });
  });

  test.each(['u'.repeat(255), 'User-1', 'user 1', 'ü', '00u1a2b3', '<b>1</b>'])('%s stays as it is', async (sub) => {
    await connect();
    lie({ sub });
    expect(await signInAt(node, 'acme')).toMatchObject({ profile: { subject: sub } });
  });
});

describe('an ID token', () => {
  test.each<[string, object]>([
    ['of another issuer', { iss: 'https://other.example' }],
    ['of an issuer with a slash more', { iss: 'SLASH' }],
    ['for another client', { aud: 'other' }],
    ['for several clients and nobody in particular', { aud: ['latchkey', 'other'] }],
    ['for several clients, asked for by another one', { aud: ['latchkey', 'other'], azp: 'other' }],
    ['for this client, asked for by another one', { azp: 'other' }],
    ['for no client', { aud: undefined }],
    ['that has expired', { exp: 1_600_000_000 }],
    ['that never expires', { exp: undefined }],
    ['from the future', { nbf: 4_000_000_000 }],
    ['with another nonce', { nonce: 'other' }],
    ['without a nonce', { nonce: undefined }],
    ['of another access token', { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    ['with a hash in another form', { at_hash: 7 }],
    ['of another code', { c_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ])('%s is refused', async (_, changed) => {
    await connect();
    lie('iss' in changed && changed.iss === 'SLASH' ? { iss: `${upstream.url}/` } : changed);
    expect(await signInAt(node, 'acme')).toEqual(refused('invalid_answer'));
  });

  test('with the hashes of its access token and its code is taken (OpenID Connect Core §3.1.3.8)', async () => {
    const half = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
    await connect();
    lie(({ body }) => ({ at_hash: half('upstream-access-token'), c_hash: half(body.get('code')!) }));
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile' });
  });

  /** The token endpoint answers with this ID token. */
  const answerWith = (idToken: (claims: object) => unknown): void => {
    upstream.answers[`${upstream.url}/token`] = async (asked) => ({
      json: { access_token: 'a', token_type: 'Bearer', id_token: await idToken(claims(asked)) },
    });
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each<[string, (claims: object) => unknown]>([
    ['that is not signed', (given) => `${part({ alg: 'none' })}.${part(given)}.`],
    ['with an empty signature', (given) => `${part({ alg: 'RS256', kid: 'upstream' })}.${part(given)}.`],
    [
      'signed with the client secret',
      (given) => new SignJWT({ ...given }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('shared secret')),
    ],
    [
      'signed with another key',
      async (given) => {
        const { privateKey } = await generateKeyPair('RS256');
        return new SignJWT({ ...given }).setProtectedHeader({ alg: 'RS256', kid: 'upstream' }).sign(privateKey);
      },
    ],
    [
      'with a key of its own in the header',
      async (given) => {
        const { privateKey } = await generateKeyPair('RS256');
        const header = { alg: 'RS256', jku: `${upstream.url}/other-keys`, kid: 'other' };
        return new SignJWT({ ...given }).setProtectedHeader(header).sign(privateKey);
      },
    ],
    [
      'with an algorithm that the connection does not name',
      async (given) => {
        const { privateKey } = await generateKeyPair('ES256');
        return new SignJWT({ ...given }).setProtectedHeader({ alg: 'ES256', kid: 'upstream' }).sign(privateKey);
      },
    ],
    [
      'that was changed',
      async (given) => {
        const [header, , signature] = (await upstream.sign({ ...given })).split('.');
        return [header, part({ ...given, sub: 'administrator' }), signature].join('.');
      },
    ],
    ['of one part', () => 'text'],
    ['that is a number', () => 7],
    ['that is null', () => null],
    ['that is missing', () => undefined],
  ])('%s is refused', async (_, make) => {
    await connect();
    answerWith(make);
    expect(await signInAt(node, 'acme')).toEqual(refused('invalid_answer'));
  });
});

describe('an email address', () => {
  test.each<[string, object, unknown]>([
    ['is trusted where it is verified', {}, { address: 'nina@fernway.example', isTrusted: true }],
    ['is not trusted where nothing says so', { email_verified: undefined }, { isTrusted: false }],
    ['is not trusted where it is unverified', { email_verified: false }, { isTrusted: false }],
    ['is not trusted by the text true', { email_verified: 'true' }, { isTrusted: false }],
    ['is not trusted by the text false', { email_verified: 'false' }, { isTrusted: false }],
    ['is not trusted by the number 1', { email_verified: 1 }, { isTrusted: false }],
    ['may be missing', { email: undefined }, null],
    ['may be null', { email: null }, null],
    ['is no list', { email: ['nina@fernway.example'] }, null],
    ['is no two addresses', { email: 'nina@fernway.example,root@fernway.example' }, null],
    ['has no header', { email: 'nina@fernway.example\r\nBcc: all@fernway.example' }, null],
    ['is no name with an address', { email: 'Nina <nina@fernway.example>' }, null],
    ['has no quoted part', { email: '"nina@x"@fernway.example' }, null],
    ['is not too long', { email: `${'n'.repeat(300)}@fernway.example` }, null],
  ])('%s: %o', async (_, changed, email) => {
    await connect();
    lie(changed);
    expect(await signInAt(node, 'acme')).toMatchObject({ kind: 'profile', profile: { email } });
  });

  test('is not trusted by a connection that does not say so', async () => {
    await connect({ trusts_email: false });
    expect(await signInAt(node, 'acme')).toMatchObject({ profile: { email: { isTrusted: false } } });
  });

  test('and whether it is verified come from one document', async () => {
    upstream.openid(
      upstream.url,
      (asked) => ({ ...claims(asked), email: 'victim@fernway.example', email_verified: undefined, name: undefined }),
      { userinfo_endpoint: `${upstream.url}/me` },
    );
    const me = { sub: 'user-1', email: 'attacker@fernway.example', email_verified: true, name: 'Nina' };
    upstream.answers[`${upstream.url}/me`] = me;
    await connect();
    expect(await signInAt(node, 'acme')).toMatchObject({
      profile: { email: { address: 'victim@fernway.example', isTrusted: false }, name: 'Nina' },
    });
    expect(upstream.asked.at(-1)!.headers.authorization).toBe('Bearer upstream-access-token');
  });

  test('is read from the user endpoint where the ID token has none', async () => {
    upstream.openid(upstream.url, (asked) => ({ ...claims(asked), email: undefined, email_verified: true }), {
      userinfo_endpoint: `${upstream.url}/me`,
    });
    upstream.answers[`${upstream.url}/me`] = { sub: 'user-1', email: 'nina@fernway.example' };
    await connect();
    expect(await signInAt(node, 'acme')).toMatchObject({
      profile: { email: { address: 'nina@fernway.example', isTrusted: false } },
    });
  });

  test('of a user endpoint that answers about another user is refused', async () => {
    upstream.openid(upstream.url, (asked) => ({ ...claims(asked), email: undefined }), {
      userinfo_endpoint: `${upstream.url}/me`,
    });
    upstream.answers[`${upstream.url}/me`] = { sub: 'user-2', email: 'nina@fernway.example', email_verified: true };
    await connect();
    expect(await signInAt(node, 'acme')).toEqual(refused('invalid_answer'));
  });
});

describe('a hostile profile', () => {
  test.each<[string, object, object]>([
    ['a name of a megabyte is refused whole', { name: 'n'.repeat(1_000_000) }, { kind: 'refused' }],
    ['a long name is cut', { name: 'n'.repeat(5000) }, { profile: { name: 'n'.repeat(200) } }],
    ['HTML is text', { name: '<img src=x onerror=alert(1)>' }, { profile: { name: '<img src=x onerror=alert(1)>' } }],
    ['lines become one', { name: 'Nina\r\nBcc: all' }, { profile: { name: 'Nina Bcc: all' } }],
    ['marks of direction go', { name: 'Nina\u202egnp.exe' }, { profile: { name: 'Ninagnp.exe' } }],
    ['an object is no name', { name: { formatted: 'Nina' }, given_name: ['Nina'] }, { profile: { givenName: null } }],
    ['spaces are no name', { name: '   ' }, { profile: { name: null } }],
    ['a path is no locale', { locale: '../../etc/passwd' }, { profile: { locale: null } }],
    ['an object is no locale', { locale: {} }, { profile: { locale: null } }],
    ['100,000 groups are ignored', { groups: Array.from({ length: 5000 }, () => 'admin') }, { kind: 'profile' }],
    ['a picture is not fetched', { picture: 'http://169.254.169.254/latest/' }, { kind: 'profile' }],
    ['methods are texts', { amr: ['pwd', 7, null, '', {}, 'otp'] }, { profile: { amr: ['pwd', 'otp'] } }],
    ['methods are some', { amr: Array.from({ length: 1000 }, (_, i) => `m${i}`) }, { kind: 'profile' }],
    ['one method is no list', { amr: 'mfa', acr: ['x'], sid: 7 }, { profile: { amr: [], acr: null, sessionId: null } }],
    ['a time is a number', { auth_time: '1900000000' }, { kind: 'refused' }],
    ['a time far away is none', { auth_time: 1e300 }, { profile: { authenticatedAt: null } }],
    ['members of objects mean nothing', { constructor: { prototype: 1 }, toString: 'x' }, { kind: 'profile' }],
  ])('%s', async (_, changed, outcome) => {
    await connect();
    lie(changed);
    expect(await signInAt(node, 'acme')).toMatchObject(outcome);
    if ('amr' in changed && Array.isArray(changed.amr)) return;
    expect(upstream.asked.map(({ url }) => new URL(url).pathname)).toEqual([
      '/.well-known/openid-configuration',
      '/token',
      ...(outcome && 'kind' in outcome && outcome.kind === 'refused' ? [] : ['/keys']),
    ]);
  });

  test('at most twenty methods are kept', async () => {
    await connect();
    lie({ amr: Array.from({ length: 1000 }, (_, i) => `m${i}`) });
    const outcome = await signInAt(node, 'acme');
    expect(outcome.kind === 'profile' && outcome.profile.amr.length).toBe(20);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
const clients: Record<string, TestClient> = {};
const signedIn = new Visitor();

type Asked = Record<string, string | undefined>;

beforeAll(async () => {
  latchkey = await startTestApp();
  clients['web'] = await latchkey.client({ first_party: true });
  clients['spa'] = await latchkey.client({ type: 'spa', first_party: true });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());

const clientOf = (name: string): TestClient => {
  const client = clients[name];
  if (!client) throw new Error(`no client ${name}`);
  return client;
};

/** Where the answer leads, or the code that came. */
const authorize = (name: string, asked: Asked): Promise<URLSearchParams> =>
  signedIn.signIn(authorizeUrl(latchkey.base, clientOf(name), asked), user);
const redeem = (name: string, code: string, verifier: Record<string, string>): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, clientOf(name), {
    grant_type: 'authorization_code',
    code,
    redirect_uri: clientOf(name).redirect_uris[0] ?? '',
    ...verifier,
  });
const s256 = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

describe('code_challenge at the authorization endpoint (RFC 7636 §4.3, RFC 9700 §2.1.1)', () => {
  const { challenge } = pkce();
  const refused: Record<string, Asked> = {
    'no challenge at all': { code_challenge_method: undefined },
    'a method without a challenge': {},
    'an empty challenge': { code_challenge: '' },
    'the method plain': { code_challenge: challenge, code_challenge_method: 'plain' },
    'no method, which would mean plain': { code_challenge: challenge, code_challenge_method: undefined },
    'the method in lower case': { code_challenge: challenge, code_challenge_method: 's256' },
    'a method that nobody knows': { code_challenge: challenge, code_challenge_method: 'S512' },
    'a challenge of 42 characters': { code_challenge: challenge.slice(1) },
    'a challenge of 129 characters': { code_challenge: 'a'.repeat(129) },
    'a challenge in another alphabet': { code_challenge: `${challenge.slice(1)}=` },
    'a challenge with a space': { code_challenge: `${challenge.slice(1)} ` },
  };

  describe.each(['web', 'spa'])('of a client of type %s', (name) => {
    test.each(Object.entries(refused))('%s is refused', async (_what, asked) => {
      const back = await authorize(name, asked);
      expect(back.get('error')).toBe('invalid_request');
      expect(back.get('error_description')).toMatch(/PKCE|code_challenge/);
      expect(back.get('code')).toBeNull();
    });

    test('S256 is accepted', async () => {
      expect((await authorize(name, { code_challenge: challenge })).get('code')).toMatch(/^lk_ac_/);
    });
  });
});

describe('code_verifier at the token endpoint (RFC 7636 §4.6)', () => {
  const wrong: Record<string, (right: string) => Record<string, string>> = {
    'is missing': () => ({}),
    'is empty': () => ({ code_verifier: '' }),
    'is another one': () => ({ code_verifier: randomBytes(32).toString('base64url') }),
    'is the challenge itself': (right) => ({ code_verifier: s256(right) }),
    'differs in case': (right) => ({ code_verifier: right.replace(/[a-z]/, (letter) => letter.toUpperCase()) }),
    'has a character more': (right) => ({ code_verifier: `${right}a` }),
    'has 42 characters': (right) => ({ code_verifier: right.slice(0, 42) }),
    'has 129 characters': () => ({ code_verifier: 'a'.repeat(129) }),
    'is in another alphabet': (right) => ({ code_verifier: `${right.slice(1)}+` }),
  };

  describe.each(['web', 'spa'])('of a client of type %s', (name) => {
    test.each(Object.entries(wrong))('is refused when it %s', async (_what, give) => {
      const { verifier, challenge } = pkce();
      const code = (await authorize(name, { code_challenge: challenge })).get('code') ?? '';
      const answer = await redeem(name, code, give(verifier));
      expect(answer.status).toBe(400);
      expect(['invalid_grant', 'invalid_request']).toContain(answer.body.error);
      expect(answer.body.access_token).toBeUndefined();
    });

    test.each([43, 64, 128])('of %d characters is accepted', async (length) => {
      const verifier = `${'aZ09-._~'.repeat(16)}`.slice(0, length);
      const code = (await authorize(name, { code_challenge: s256(verifier) })).get('code') ?? '';
      expect((await redeem(name, code, { code_verifier: verifier })).status).toBe(200);
    });
  });
});

describe('required of public clients only (setting oidc.pkce)', () => {
  beforeAll(() => latchkey.run('settings.update', { name: 'oidc.pkce', value: '"public"' }));
  afterAll(() => latchkey.run('settings.update', { name: 'oidc.pkce', value: '"all"' }));
  const none = { code_challenge_method: undefined };

  test('a confidential client may omit it', async () => {
    const code = (await authorize('web', none)).get('code') ?? '';
    expect((await redeem('web', code, {})).status).toBe(200);
  });

  test('a public client may not omit it', async () => {
    expect((await authorize('spa', none)).get('error')).toBe('invalid_request');
  });

  test('a verifier for a request without its challenge redeems nothing (RFC 9700 §4.8.2)', async () => {
    const code = (await authorize('web', none)).get('code') ?? '';
    const answer = await redeem('web', code, { code_verifier: pkce().verifier });
    expect(answer.body.error).toBe('invalid_grant');
  });

  test('a sent challenge is enforced, also for a confidential client', async () => {
    const code = (await authorize('web', { code_challenge: pkce().challenge })).get('code') ?? '';
    expect((await redeem('web', code, {})).body.error).toBe('invalid_grant');
  });

  test('plain stays refused', async () => {
    expect(
      (await authorize('web', { code_challenge: pkce().challenge, code_challenge_method: 'plain' })).get('error'),
    ).toBe('invalid_request');
  });
});

describe('required or not by the client (member require_pkce, RFC 9700 §2.1.1)', () => {
  const none = { code_challenge_method: undefined };
  const set = (name: string, value: boolean | null) =>
    latchkey.run<{ warnings?: string[] }>('clients.update', {
      client_id: clientOf(name).client_id,
      require_pkce: value,
    });
  const setting = (value: 'all' | 'public') =>
    latchkey.run('settings.update', { name: 'oidc.pkce', value: JSON.stringify(value) });
  beforeAll(async () => {
    clients['old'] = await latchkey.client({ first_party: true, require_pkce: false });
    clients['keen'] = await latchkey.client({ first_party: true, require_pkce: true });
  });

  test('an exempt client may omit it where it sends a nonce', async () => {
    const back = await authorize('old', { ...none, nonce: 'n-1' });
    const answer = await redeem('old', back.get('code') ?? '', {});
    expect(answer.status).toBe(200);
    expect(decodeJwt(answer.body.id_token)).toMatchObject({ nonce: 'n-1' });
  });

  test.each<[string, Asked]>([
    ['without a nonce', { nonce: undefined }],
    ['with an empty nonce', { nonce: '' }],
    ['without an ID token to find the nonce in', { scope: 'email' }],
  ])('%s it may not', async (_what, asked) => {
    const back = await authorize('old', { ...none, ...asked });
    expect([back.get('error'), back.get('code')]).toEqual(['invalid_request', null]);
    expect(back.get('error_description')).toContain('nonce');
  });

  test('a pushed request of an exempt client is judged alike', async () => {
    const push = (asked: Record<string, string>) =>
      post(`${latchkey.base}/oidc/par`, clientOf('old'), {
        client_id: clientOf('old').client_id,
        response_type: 'code',
        redirect_uri: clientOf('old').redirect_uris[0] ?? '',
        scope: 'openid',
        ...asked,
      });
    expect((await push({ nonce: 'n-1' })).status).toBe(201);
    expect((await push({})).body.error).toBe('invalid_request');
  });

  test('what it sends is enforced, and it cannot be taken away (RFC 9700 §4.8.2)', async () => {
    const { verifier, challenge } = pkce();
    const withChallenge = (await authorize('old', { code_challenge: challenge })).get('code') ?? '';
    expect((await redeem('old', withChallenge, {})).body.error).toBe('invalid_grant');
    const without = (await authorize('old', none)).get('code') ?? '';
    expect((await redeem('old', without, { code_verifier: verifier })).body.error).toBe('invalid_grant');
  });

  test('a client may require it where the instance does not', async () => {
    await setting('public');
    expect((await authorize('web', none)).get('code')).toMatch(/^lk_ac_/);
    expect((await authorize('keen', none)).get('error')).toBe('invalid_request');
    await setting('all');
  });

  test('a change counts at the next use: the code of an exempt client is void once PKCE is required', async () => {
    const code = (await authorize('old', none)).get('code') ?? '';
    await set('old', true);
    expect((await redeem('old', code, {})).body.error).toBe('invalid_grant');
    expect((await authorize('old', none)).get('error')).toBe('invalid_request');
    await set('old', false);
    expect((await authorize('old', none)).get('code')).toMatch(/^lk_ac_/);
  });

  test('public and FAPI clients are never exempt', async () => {
    const exempt = { require_pkce: false, first_party: true };
    await expect(latchkey.client({ type: 'spa', ...exempt })).rejects.toThrow('require_pkce');
    await expect(latchkey.client({ type: 'native', ...exempt })).rejects.toThrow('require_pkce');
    await expect(latchkey.client({ profile: 'fapi2_security', ...exempt })).rejects.toThrow('require_pkce');
    await expect(
      latchkey.run('clients.update', { client_id: clientOf('old').client_id, profile: 'fapi2_security' }),
    ).rejects.toThrow('require_pkce');
  });

  test('client show warns as long as the client is exempt', async () => {
    const show = (name: string) =>
      latchkey.run<{ warnings?: string[] }>('clients.read', { client_id: clientOf(name).client_id });
    expect((await show('old')).warnings).toEqual([expect.stringMatching(/^require_pkce is false: /)]);
    expect((await set('old', null)).warnings).toBeUndefined();
    expect(await show('keen')).not.toHaveProperty('warnings');
  });
});

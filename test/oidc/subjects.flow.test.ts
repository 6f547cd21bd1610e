import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, post, tokensFor, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let user: TestUser;
let other: TestUser;
const pairwise = { first_party: true, subject_type: 'pairwise' };
const plain = { first_party: true };

beforeAll(async () => {
  latchkey = await startTestApp();
  user = await latchkey.user();
  other = await latchkey.user();
});
afterAll(() => latchkey.close());

async function subjectOf(client: TestClient, of = user): Promise<string> {
  const tokens = await tokensFor(latchkey.base, client, of);
  const info = await fetch(`${latchkey.base}/oidc/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  const { sub } = (await info.json()) as { sub: string };
  expect(decodeJwt(tokens.id_token).sub).toBe(sub);
  return sub;
}
const at = (host: string, extra: object = pairwise): Promise<TestClient> =>
  latchkey.client({ ...extra, redirect_uris: [`https://${host}/cb`] });

describe('public subjects (OpenID Connect Core §8)', () => {
  test('are the same for every client and sign-in, and not the email address', async () => {
    const subjects = [await subjectOf(await at('one.example', plain)), await subjectOf(await at('two.example', plain))];
    expect(subjects).toEqual([user.id, user.id]);
    expect(user.id).toMatch(/^usr_[0-9a-z]{26}$/);
  });
});

describe('pairwise subjects (OpenID Connect Core §8.1)', () => {
  test('are the same for the clients of one host and each sign-in', async () => {
    const client = await at('sector.example');
    const subject = await subjectOf(client);
    expect(subject).toMatch(/^[\w-]{43}$/);
    expect(await subjectOf(client)).toBe(subject);
    expect(await subjectOf(await at('sector.example'))).toBe(subject);
  });

  test('differ between hosts, between users, and from the public one', async () => {
    const client = await at('left.example');
    const subjects = [
      await subjectOf(client),
      await subjectOf(await at('right.example')),
      await subjectOf(client, other),
      user.id,
      other.id,
    ];
    expect(new Set(subjects).size).toBe(5);
  });

  test('are the same in introspection', async () => {
    const client = await at('asks.example');
    const tokens = await tokensFor(latchkey.base, client, user);
    const { body } = await post(`${latchkey.base}/oidc/introspect`, client, { token: tokens.access_token });
    expect(body['sub']).toBe(decodeJwt(tokens.id_token).sub);
  });

  test('the hint of a pairwise client identifies the user', async () => {
    const client = await at('hint.example');
    const visitor = new Visitor();
    const { id_token } = await tokensFor(latchkey.base, client, user, {}, visitor);
    const page = await visitor.request(
      authorizeUrl(latchkey.base, client, {
        code_challenge: pkce().challenge,
        prompt: 'none',
        id_token_hint: id_token,
      }),
    );
    expect(page.location).toContain('code=');
  });

  test('the subject of another sector, or the public one, identifies no user', async () => {
    const client = await at('sub.example');
    const visitor = new Visitor();
    await tokensFor(latchkey.base, client, user, {}, visitor);
    for (const value of [user.id, await subjectOf(await at('elsewhere.example'))]) {
      const page = await visitor.request(
        authorizeUrl(latchkey.base, client, {
          code_challenge: pkce().challenge,
          prompt: 'none',
          claims: JSON.stringify({ id_token: { sub: { value } } }),
        }),
      );
      expect(new URL(page.location ?? 'x:').searchParams.get('error')).toBe('login_required');
    }
  });

  test('several hosts need a document that joins them', async () => {
    await expect(
      latchkey.client({ ...pairwise, redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] }),
    ).rejects.toThrow('sector_identifier_uri');
  });
});

describe('sector_identifier_uri (OpenID Connect Dynamic Client Registration §5)', () => {
  const files = join(import.meta.dirname, '../support/certificates');
  const uris = ['https://a.example/cb', 'https://b.example/cb'];
  let sector: Server;
  let answers: Record<string, { status?: number; body: string; location?: string }>;
  let asked: string[];
  let base: string;
  let guarded: TestApp;

  beforeAll(async () => {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(join(files, 'ca.pem'), 'utf8')]);
    answers = {
      '/good': { body: JSON.stringify([...uris, 'https://c.example/cb']) },
      '/lacking': { body: JSON.stringify(uris.slice(1)) },
      '/object': { body: '{}' },
      '/numbers': { body: '[1,2]' },
      '/garbled': { body: '[' },
      '/missing': { status: 404, body: '[]' },
      '/moved': { status: 302, body: '', location: '/good' },
      '/large': { body: JSON.stringify([...uris, 'x'.repeat(2 * 1024 * 1024)]) },
    };
    asked = [];
    sector = createServer(
      { key: readFileSync(join(files, 'server.key')), cert: readFileSync(join(files, 'server.pem')) },
      (req, res) => {
        const path = req.url ?? '';
        asked.push(path);
        const { status = 200, body = '', location } = answers[path] ?? { status: 404 };
        res.writeHead(status, { 'content-type': 'application/json', ...(location ? { location } : {}) }).end(body);
      },
    );
    await new Promise<void>((resolve) => void sector.listen(0, '127.0.0.1', resolve));
    base = `https://localhost:${(sector.address() as AddressInfo).port}`;
    guarded = await startTestApp({
      settings: { 'oidc.registration': 'open' },
      env: { OUTBOUND_ALLOW: 'localhost,127.0.0.1' },
    });
  });
  afterAll(async () => {
    await guarded.close();
    sector.close();
  });

  const register = async (
    on: TestApp,
    path: string,
    redirect_uris = uris,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await fetch(`${on.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris, subject_type: 'pairwise', sector_identifier_uri: base + path }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  test('joins the clients of several hosts', async () => {
    const { status, body } = await register(guarded, '/good');
    expect([body['error_description'], status]).toEqual([undefined, 201]);
    const person = await guarded.user();
    const subjects = await Promise.all(
      [uris, uris.toReversed()].map(async (redirect_uris) => {
        const client = (await register(guarded, '/good', redirect_uris)).body as unknown as TestClient;
        return decodeJwt((await tokensFor(guarded.base, client, person)).id_token).sub;
      }),
    );
    expect(subjects[0]).toMatch(/^[\w-]{43}$/);
    expect(subjects[1]).toBe(subjects[0]);
  });

  test.each(['/lacking', '/object', '/numbers', '/garbled', '/missing', '/moved', '/large'])(
    '%s is not such a document',
    async (path) => {
      const { status, body } = await register(guarded, path);
      expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
    },
  );

  test('a redirect is not followed', async () => {
    asked.length = 0;
    await register(guarded, '/moved');
    expect(asked).toEqual(['/moved']);
  });

  test('a private address is not requested unless it is allowed', async () => {
    asked.length = 0;
    const strict = await startTestApp({ settings: { 'oidc.registration': 'open' } });
    const { status, body } = await register(strict, '/good');
    await strict.close();
    expect([status, body['error'], asked]).toEqual([400, 'invalid_client_metadata', []]);
    expect(JSON.stringify(body)).not.toContain('ECONN');
  });

  test('after the check, its host may be down', async () => {
    answers['/later'] = { body: JSON.stringify(uris) };
    const client = (await register(guarded, '/later')).body as unknown as TestClient;
    delete answers['/later'];
    await guarded.run('settings.update', { name: 'oidc.idTokenSeconds', value: '1800' });
    const page: Page = await new Visitor().request(
      authorizeUrl(guarded.base, client, { code_challenge: pkce().challenge }),
    );
    expect(page.location).toMatch(/\/interaction\//);
  });
});

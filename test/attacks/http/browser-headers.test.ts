/** Every answer of whole journeys over TLS: headers, cookies, and what another origin may do with them. */
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { siteMap } from '../../../src/app/site-map.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

const certificate = (name: string) => join(import.meta.dirname, '../../support/certificates', name);

type Answer = Page & { cookiesSet: string[] };

/** A visitor who remembers everything that came. */
class Witness extends Visitor {
  readonly seen: Answer[] = [];

  override async request(...args: Parameters<Visitor['request']>): Promise<Page> {
    const page = await super.request(...args);
    this.seen.push({ ...page, cookiesSet: page.headers.getSetCookie() });
    return page;
  }
}

let latchkey: TestApp;
let client: TestClient;
let spa: TestClient;
let user: TestUser;
const witness = new Witness();

beforeAll(async () => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  latchkey = await startTestApp({
    env: { TLS_CERT: certificate('server.pem'), TLS_KEY: certificate('server.key'), TLS_CLIENT_CA: 'optional_no_ca' },
  });
  client = await latchkey.client({ post_logout_redirect_uris: ['https://rp.test/bye'] });
  spa = await latchkey.client({ type: 'spa', redirect_uris: ['https://spa.test/cb'] });
  user = await latchkey.user();
  const { base } = latchkey;
  const authorize = authorizeUrl(base, client, { code_challenge: pkce().challenge });
  await witness.submit(await witness.open(authorize), { email: 'no address' });
  const password = await witness.submit(await witness.open(authorize), { email: user.email });
  await witness.submit(password, { password: 'wrong' });
  await witness.signIn(authorize, user);
  await witness
    .signIn(
      authorizeUrl(base, client, { code_challenge: pkce().challenge, response_mode: 'form_post', prompt: 'none' }),
      user,
    )
    .catch(() => undefined);
  await witness.open(authorizeUrl(base, client, { redirect_uri: 'https://evil.test/cb' }));
  await witness.open(`${base}/oidc/device`);
  await witness.open(`${base}/nothing`);
  await witness.open(`${base}/oidc/userinfo`);
  await witness.open(`${base}/oidc/jwks`);
  await witness.open(`${base}/.well-known/openid-configuration`);
  await witness.open(`${base}/?x=%ff`);
  await witness.open(`${base}/robots.txt`);
  const logout = await witness.open(
    `${base}/oidc/logout?client_id=${client.client_id}&post_logout_redirect_uri=https%3A%2F%2Frp.test%2Fbye`,
  );
  await witness.submit(logout, {}, 'logout');
});
afterAll(() => latchkey.close());

const isPage = ({ headers }: Page): boolean => (headers.get('content-type') ?? '').startsWith('text/html');
const pathOf = ({ url, status }: Page): string => `${status} ${new URL(url).pathname}`;
const directive = ({ headers }: Page, name: string): string | undefined =>
  (headers.get('content-security-policy') ?? '').split(/;\s*/).find((part) => part.split(' ', 1)[0] === name);

test('the journeys visited every page', () => {
  const statuses = new Set(witness.seen.map(({ status }) => status));
  for (const status of [200, 303, 400, 401, 404]) expect(statuses).toContain(status);
  expect(witness.seen.length).toBeGreaterThan(25);
});

describe('every response, errors and redirects included', () => {
  test.each([
    ['x-content-type-options', /^nosniff$/],
    ['referrer-policy', /^no-referrer$/],
    ['strict-transport-security', /^max-age=(3153[6-9]\d{3}|[4-9]\d{7,}|\d{9,}); includeSubDomains$/],
    ['permissions-policy', /camera=\(\)/],
    ['cross-origin-resource-policy', /^(same|cross)-origin$/],
    ['content-security-policy', /default-src 'none'.*frame-ancestors 'none'/],
    ['cache-control', /./],
  ])('has %s', (name, pattern) => {
    for (const answer of witness.seen) expect(answer.headers.get(name), pathOf(answer)).toMatch(pattern);
  });

  test.each(['server', 'x-powered-by', 'via', 'x-request-id'])('has no %s', (name) => {
    for (const answer of witness.seen) expect(answer.headers.get(name), pathOf(answer)).toBeNull();
  });

  test('to a form is 303 if it redirects, so that no password is sent again (RFC 9700 §4.12)', () => {
    for (const answer of witness.seen) if (answer.location) expect(answer.status, pathOf(answer)).toBe(303);
  });

  test('with a page is not cacheable', () => {
    for (const answer of witness.seen.filter(isPage))
      expect(answer.headers.get('cache-control'), pathOf(answer)).toContain('no-store');
  });

  test('with a page allows only our scripts and no frame', () => {
    for (const answer of witness.seen.filter(isPage)) {
      expect(answer.headers.get('content-security-policy'), pathOf(answer)).not.toMatch(/unsafe|\*|https?:(?!\/\/)/);
      expect(directive(answer, 'script-src'), pathOf(answer)).toMatch(
        /^script-src 'nonce-[\w-]{22}'( 'sha256-[\w+/=]{44}')?$/,
      );
      expect(directive(answer, 'frame-ancestors')).toBe("frame-ancestors 'none'");
    }
  });

  test('has its own nonce, and every script on its page carries it or matches its hash', () => {
    const nonces = witness.seen
      .filter(isPage)
      .map((answer) => /'nonce-([\w-]+)'/.exec(directive(answer, 'script-src') ?? '')?.[1]);
    expect(new Set(nonces).size).toBe(nonces.length);
    for (const [i, answer] of witness.seen.filter(isPage).entries())
      for (const [, attributes = '', text = ''] of answer.text.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
        const hash = `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
        expect(
          attributes.includes(`nonce="${nonces[i]}"`) || directive(answer, 'script-src')?.includes(hash),
          pathOf(answer),
        ).toBe(true);
      }
  });

  test('loads nothing from third parties', () => {
    for (const answer of witness.seen.filter(isPage))
      for (const [, url = ''] of answer.text.matchAll(
        /<(?:script|link|img|iframe|source|form)\b[^>]*?\s(?:src|href|action)="([^"]*)"/g,
      )) {
        const { origin } = new URL(url, answer.url);
        // The page that carries an answer to the relying party by form is the one exception.
        if (!answer.text.includes('data-forward')) expect(origin, `${pathOf(answer)} ${url}`).toBe(latchkey.base);
      }
  });
});

/** Whether a relying party may have opened it as a popup, and whether its form ends there; the rest of the product is neither. */
const leaving: readonly (readonly [RegExp, { opener: boolean; leadsOut: boolean }])[] = [
  [
    /^\/(interaction\/|saml\/|oidc\/auth$|oidc\/auth\/|oidc\/logout$|oidc\/logout\/confirm$)/,
    { opener: true, leadsOut: true },
  ],
  // A test of a connection, and a request by POST, go to the provider; all of it may be in a popup.
  [/^\/(federation|saml)\/x$/, { opener: true, leadsOut: true }],
  // The form that links an account ends at its provider.
  [/^\/account\/linked-accounts$/, { opener: false, leadsOut: true }],
  [/^\/(device$|oidc\/device$|oidc\/device\/(?!auth$)|oidc\/logout\/success$)/, { opener: true, leadsOut: false }],
];
const expected = (pathname: string) =>
  leaving.find(([pattern]) => pattern.test(pathname))?.[1] ?? { opener: false, leadsOut: false };

test.each(siteMap({ embedded: true }).map((mount) => [mount.path, mount] as const))(
  '%s lists its form targets, and keeps its opener only on pages of a sign-in, a device and a sign-out',
  async (path, mount) => {
    const pathname = path.replace('/*', '/x');
    const { opener, leadsOut } = expected(pathname);
    for (const method of ['GET', 'POST']) {
      const answer = await new Visitor().request(latchkey.base + pathname, method === 'POST' ? { form: {} } : {});
      expect(answer.headers.get('cross-origin-opener-policy'), method).toBe(opener ? null : 'same-origin');
      const target = mount.audience === 'page' ? "form-action 'self'" : "form-action 'none'";
      expect(directive(answer, 'form-action'), method).toBe(leadsOut ? undefined : target);
    }
  },
);

describe('during a sign-in and a sign-out', () => {
  test('every response keeps the opener, and no page lists the target of its form', () => {
    const way = witness.seen.filter(({ url }) => expected(new URL(url).pathname).leadsOut);
    expect(way.length).toBeGreaterThan(8);
    for (const answer of way) {
      expect(answer.headers.get('cross-origin-opener-policy'), pathOf(answer)).toBeNull();
      expect(directive(answer, 'form-action'), pathOf(answer)).toBeUndefined();
    }
  });

  test('the page that posts a response runs our script', () => {
    const [page] = witness.seen.filter(({ text }) => text.includes('data-forward'));
    expect(directive(page!, 'script-src')).toMatch(/^script-src 'nonce-[\w-]{22}'$/);
  });
});

test('a response by postMessage may be framed, keeps its opener, and runs only its own script', async () => {
  const page = await witness.open(
    authorizeUrl(latchkey.base, client, {
      code_challenge: pkce().challenge,
      response_mode: 'web_message',
      prompt: 'none',
    }),
  );
  expect(page.text).toContain('authorization_response');
  expect(page.headers.get('content-security-policy')).not.toContain('frame-ancestors');
  expect(page.headers.get('cross-origin-opener-policy')).toBeNull();
  expect(directive(page, 'script-src')).toMatch(/ 'sha256-/);
});

describe('cookies', () => {
  const lines = () => witness.seen.flatMap(({ cookiesSet }) => cookiesSet);

  test('are all Secure, HttpOnly, SameSite=Lax, for this host only and below 4 KiB', () => {
    expect(lines().length).toBeGreaterThan(5);
    for (const line of lines()) {
      expect(line).toMatch(/;\s*secure/i);
      expect(line).toMatch(/;\s*httponly/i);
      expect(line).toMatch(/;\s*samesite=lax/i);
      expect(line).not.toMatch(/;\s*domain=/i);
      expect(line.length).toBeLessThan(4096);
    }
  });

  test('have the prefix __Host- on the root path and __Secure- below it', () => {
    for (const line of lines()) {
      const path = /;\s*path=([^;]*)/i.exec(line)?.[1];
      expect(line).toMatch(path === '/' ? /^__Host-/ : /^__Secure-/);
    }
  });

  test('with a session have at least 128 random bits and no meaning', () => {
    const sessions = lines().filter((line) => /^__Host-[^=]*session[^=]*=[^;]{8,}/i.test(line) && !/\.sig=/.test(line));
    expect(sessions.length).toBeGreaterThan(0);
    for (const line of sessions) {
      const value = /=([^;]*)/.exec(line)![1]!;
      expect(Buffer.from(value, 'base64url').length).toBeGreaterThanOrEqual(16);
      expect(line).not.toContain(user.id);
    }
  });
});

describe('cross-origin requests', () => {
  const origins = [
    'https://evil.test',
    'null',
    'http://127.0.0.1:99',
    'https://127.0.0.1:9.evil.test',
    'http://rp.test',
    'https://localhost',
  ];
  const paths = [
    '/',
    '/oidc/auth',
    '/oidc/token',
    '/oidc/userinfo',
    '/oidc/introspect',
    '/oidc/revoke',
    '/oidc/par',
    '/oidc/logout',
    '/oidc/device',
    '/interaction/x',
    '/setup/x',
    '/nothing',
    '/oidc/register',
  ];

  test.each(paths)(
    'at %s: other origins cannot read a response, send a preflight or send credentials',
    async (path) => {
      for (const origin of origins)
        for (const method of ['GET', 'OPTIONS', 'POST']) {
          const preflight = {
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization',
          };
          const answer = await fetch(latchkey.base + path, {
            method,
            redirect: 'manual',
            headers: { origin, ...(method === 'OPTIONS' ? preflight : {}) },
          });
          for (const header of answer.headers.keys())
            expect(header, `${method} ${origin}`).not.toMatch(/^access-control-/);
        }
    },
  );

  test('a public client reads its tokens from its own origin only', async () => {
    const ask = async (origin: string) => {
      const answer = await fetch(`${latchkey.base}/oidc/token`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({
          client_id: spa.client_id,
          grant_type: 'authorization_code',
          code: 'x',
          redirect_uri: 'https://spa.test/cb',
          code_verifier: 'x'.repeat(43),
        }),
      });
      return answer.headers.get('access-control-allow-origin');
    };
    expect(await ask('https://spa.test')).toBe('https://spa.test');
    const preflight = await fetch(`${latchkey.base}/oidc/token`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://spa.test',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'dpop',
      },
    });
    expect([
      preflight.status,
      preflight.headers.get('access-control-allow-origin'),
      preflight.headers.get('access-control-allow-headers'),
    ]).toEqual([204, 'https://spa.test', 'dpop']);
    const refused = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { origin: 'https://spa.test', authorization: 'Bearer x' },
    });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://spa.test']);
    for (const origin of [
      'https://evil.test',
      'null',
      'http://spa.test',
      'https://spa.test.evil.test',
      'https://sub.spa.test',
      'https://spa.test:8443',
    ])
      expect(await ask(origin), origin).toBeNull();
  });

  test.each(['/.well-known/openid-configuration', '/oidc/jwks'])(
    'every origin can read %s, without credentials',
    async (path) => {
      const answer = await fetch(latchkey.base + path, { headers: { origin: 'https://anyone.test' } });
      expect(answer.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/anyone\.test)$/);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    },
  );
});

describe('a client certificate', () => {
  const pem = () => readFileSync(certificate('self.pem'), 'utf8');

  async function certified(): Promise<TestClient> {
    const { publicKey } = new X509Certificate(pem());
    const jwk = { ...publicKey.export({ format: 'jwk' }), x5c: [new X509Certificate(pem()).raw.toString('base64')] };
    return latchkey.client({
      name: 'Robot',
      type: 'machine',
      redirect_uris: undefined,
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [jwk] },
    });
  }

  function ask(
    robot: TestClient,
    options: { headers?: Record<string, string>; isShown?: boolean },
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const identity = options.isShown ? { cert: pem(), key: readFileSync(certificate('self.key')) } : {};
    return new Promise((resolve, reject) => {
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: robot.client_id }).toString();
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
        host: new URL(latchkey.base).host,
        ...options.headers,
      };
      const sent = httpsRequest(
        {
          host: '127.0.0.1',
          port: new URL(latchkey.base).port,
          path: '/oidc/token',
          method: 'POST',
          headers,
          agent: false,
          rejectUnauthorized: false,
          ...identity,
        },
        (answer) => {
          let text = '';
          answer
            .on('data', (chunk) => (text += chunk))
            .on('end', () =>
              resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
            );
        },
      );
      sent.on('error', reject).end(body);
    });
  }

  test('authenticates its client on the connection that used it', async () => {
    expect(await ask(await certified(), { isShown: true })).toMatchObject({ status: 200 });
  });

  test.each([
    'x-ssl-client-cert',
    'x-client-cert',
    'ssl_client_cert',
    'ssl-client-cert',
    'x-forwarded-client-cert',
    'client-cert',
    'x-ssl-cert',
  ])('in the header %s is ignored', async (name) => {
    const headers = { [name]: encodeURIComponent(pem()), 'x-ssl-client-verify': 'SUCCESS' };
    expect(await ask(await certified(), { headers })).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});

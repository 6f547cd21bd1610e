import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seeOther } from '#kernel/http/redirect.ts';
import { headerOf, openEdge, request, statusOf, testMounts, type Routes, type TestEdge } from '../../support/edge.ts';

const routes: Routes = (router) => {
  router.get('/', (ctx) => seeOther(ctx, '/page'));
  router.get('/page', (ctx) => {
    ctx.type = 'html';
    ctx.body = `<script nonce="${ctx.state.nonce}"></script>`;
  });
  router.get('/page/:kind', (ctx) => {
    if (ctx['params']['kind'] === 'fault') throw new Error('secret detail');
    ctx.body = 'page';
  });
  router.get('/popup', (ctx) => (ctx.body = 'page'));
  router.get('/leaves', (ctx) => (ctx.body = 'page'));
  router.get('/api/things', (ctx) => (ctx.body = {}));
  router.get('/oauth/keys', (ctx) => (ctx.body = { keys: [] }));
};

const mounts = [
  ...testMounts,
  { path: '/popup', audience: 'page', methods: ['GET'], keepsOpener: true },
  { path: '/leaves', audience: 'page', methods: ['GET'], keepsOpener: true, formsLeadOut: true },
] as const;

let plain: TestEdge;
let secure: TestEdge;
beforeAll(async () => {
  plain = await openEdge({ routes, mounts });
  secure = await openEdge({ routes, mounts, env: { ISSUER: 'https://id.test' } });
});
afterAll(() => Promise.all([plain.close(), secure.close()]));

function directives(answer: string): Record<string, string> {
  return Object.fromEntries(
    (headerOf(answer, 'Content-Security-Policy') ?? '')
      .split('; ')
      .map((part) => [part.split(' ', 1)[0]!, part.slice(part.indexOf(' ') + 1)]),
  );
}

const everyAnswer = [
  ['a redirect', 'GET /', 303],
  ['a page', 'GET /page', 200],
  ['a fault', 'GET /page/fault', 500],
  ['no such page', 'GET /nothing', 404],
  ['a page in another spelling', 'GET //page', 303],
  ['an endpoint in another spelling', 'GET //api/things', 404],
  ['a wrong method', 'PUT /page', 405],
  ['bytes that are no text', 'GET /page?x=%ff', 400],
  ['JSON', 'GET /api/things', 200],
  ['no such JSON', 'GET /api/nothing', 404],
  ['keys', 'GET /oauth/keys', 200],
  ['a refusal to a client', 'GET /oauth/token', 405],
] as const;

describe.each(everyAnswer)('%s', (_title, line, status) => {
  test('has every security header', async () => {
    const answer = await request(secure, line);
    expect(statusOf(answer)).toBe(status);
    expect(headerOf(answer, 'X-Content-Type-Options')).toBe('nosniff');
    expect(headerOf(answer, 'Referrer-Policy')).toBe('no-referrer');
    expect(headerOf(answer, 'Cache-Control')).toBe('no-store');
    expect(headerOf(answer, 'Cross-Origin-Opener-Policy')).toBe('same-origin');
    expect(headerOf(answer, 'Strict-Transport-Security')).toBe('max-age=63072000; includeSubDomains');
    expect(headerOf(answer, 'Permissions-Policy')).toContain('camera=()');
    expect(headerOf(answer, 'Permissions-Policy')).toContain('publickey-credentials-get=(self)');
    expect(directives(answer)).toMatchObject({
      'default-src': "'none'",
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
    });
    expect(answer).not.toMatch(/unsafe-inline|unsafe-eval|unsafe-hashes/);
  });

  test('does not name the server software', async () => {
    const answer = await request(plain, line);
    expect(headerOf(answer, 'Server')).toBeUndefined();
    expect(headerOf(answer, 'X-Powered-By')).toBeUndefined();
    expect(answer).not.toMatch(/secret detail|node_modules|at .*\.ts|koa/i);
  });
});

test('HSTS is sent for https only', async () => {
  expect(headerOf(await request(plain, 'GET /page'), 'Strict-Transport-Security')).toBeUndefined();
});

test.each([
  ['GET /page', 'same-origin'],
  ['GET /api/things', 'same-origin'],
  ['GET /oauth/keys', 'cross-origin'],
  ['GET /oauth/token', 'cross-origin'],
  ['GET /nothing', 'same-origin'],
])('%s may be read by %s', async (line, expected) => {
  expect(headerOf(await request(plain, line), 'Cross-Origin-Resource-Policy')).toBe(expected);
});

describe('the content security policy of a page', () => {
  test('allows scripts with the nonce of this response, 128 random bits', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => request(plain, 'GET /page')));
    const nonces = answers.map(
      (answer) => /^'nonce-([\w-]+)'$/.exec(directives(answer)['script-src'] ?? '')?.[1] ?? '',
    );
    expect(new Set(nonces).size).toBe(5);
    for (const [i, nonce] of nonces.entries()) {
      expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
      expect(answers[i]).toContain(`<script nonce="${nonce}">`);
    }
  });

  test.each([
    ['a page', 'GET /page', "'self'", 'same-origin'],
    ['no such page', 'GET /nothing', "'self'", 'same-origin'],
    ['a page that a relying party may open as a popup', 'GET /popup', "'self'", undefined],
    ['a page whose form ends at a relying party', 'GET /leaves', undefined, undefined],
    ['a refusal there', 'PUT /leaves', undefined, undefined],
  ])('of %s lists its form targets, and the opener is kept where needed', async (_title, line, target, opener) => {
    const answer = await request(plain, line);
    expect(directives(answer)['form-action']).toBe(target);
    expect(headerOf(answer, 'Cross-Origin-Opener-Policy')).toBe(opener);
  });

  test('of an API response allows nothing', async () => {
    expect(directives(await request(plain, 'GET /api/things'))).toEqual({
      'default-src': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    });
  });
});

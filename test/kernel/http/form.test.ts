import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { form } from '#kernel/http/form.ts';
import { bodyOf, headerOf, openEdge, request, statusOf, type Context, type TestEdge } from '../../support/edge.ts';

const signUp = form(
  z.object({
    email: z
      .string()
      .trim()
      .min(1)
      .pipe(z.email({ error: 'no_email' })),
    name: z.string().min(2).max(5).optional(),
    password: z.string().min(1).min(8),
    code: z.string().optional(),
    remember: z.literal('on').optional(),
  }),
);

let edge: TestEdge;
beforeAll(async () => {
  edge = await openEdge({
    routes(router) {
      router.get('/page', (ctx: Context) => (ctx.body = ctx.state.csrf));
      router.post('/page', async (ctx: Context) => {
        ctx.body = await signUp.read(ctx);
      });
    },
  });
});
afterAll(() => edge.close());

/** The cookies of a browser after it received the page. */
async function open(): Promise<{ cookie: string; csrf: string }> {
  const answer = await request(edge, 'GET /page');
  return { cookie: headerOf(answer, 'Set-Cookie')!.split(';', 1)[0]!, csrf: bodyOf(answer) };
}

async function post(
  fields: Record<string, string>,
  headers: readonly string[] = [],
  page?: { cookie: string; csrf: string },
) {
  const { cookie, csrf } = page ?? (await open());
  const body = new URLSearchParams({ csrf, ...fields }).toString();
  const answer = await request(
    edge,
    'POST /page',
    ['Content-Type: application/x-www-form-urlencoded', `Cookie: ${cookie}`, ...headers],
    body,
  );
  return {
    status: statusOf(answer),
    answer,
    read: statusOf(answer) === 200 ? (JSON.parse(bodyOf(answer)) as unknown) : undefined,
  };
}

const good = { email: ' noor@x.test ', password: 'long enough' };

describe('a form', () => {
  test('returns the values of its schema', async () => {
    const { read } = await post({ ...good, remember: 'on' });
    expect(read).toEqual({ isValid: true, values: { email: 'noor@x.test', password: 'long enough', remember: 'on' } });
  });

  test('returns no field outside its schema', async () => {
    const { read } = await post({ ...good, action: 'continue', isAdmin: 'true' });
    expect(read).toEqual({ isValid: true, values: { email: 'noor@x.test', password: 'long enough' } });
  });

  test.each([
    [{}, { email: 'required', password: 'required' }],
    [
      { email: '', password: '' },
      { email: 'required', password: 'required' },
    ],
    [
      { email: '  ', password: 'x' },
      { email: 'required', password: 'too_short' },
    ],
    [{ ...good, email: 'noor' }, { email: 'no_email' }],
    [{ ...good, name: 'N' }, { name: 'too_short' }],
    [{ ...good, name: 'Noor Haddad' }, { name: 'too_long' }],
    [{ ...good, remember: 'maybe' }, { remember: 'invalid' }],
  ])('%j has the errors %j, as kinds', async (fields, errors) => {
    const { read } = await post(fields);
    expect(read).toMatchObject({ isValid: false, errors });
  });

  test('with errors shows the typed values again, but no secret', async () => {
    const { read, answer } = await post({ email: 'noor', name: 'Noor', password: 'hunter2', code: '123456' });
    expect(read).toMatchObject({ isValid: false, values: { email: 'noor', name: 'Noor' } });
    expect(answer).not.toMatch(/hunter2|123456/);
  });
});

describe('a form of another origin is 403', () => {
  test.each([
    ['without a token', async () => ({ ...(await open()), csrf: '' })],
    ['with the token of another browser', async () => ({ ...(await open()), csrf: (await open()).csrf })],
    ['without the cookie', async () => ({ ...(await open()), cookie: 'other=1' })],
    [
      'with another cookie',
      async () => ({ csrf: (await open()).csrf, cookie: `latchkey-csrf-xxxxxxxx=${'x'.repeat(43)}` }),
    ],
  ])('%s', async (_title, page) => {
    const { status, answer } = await post(good, [], await page());
    expect(status).toBe(403);
    expect(answer).not.toContain('"isValid":true');
  });

  test.each(['Origin: https://evil.test', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site'])(
    'although its token is right: %s',
    async (header) => {
      expect((await post(good, [header])).status).toBe(403);
    },
  );

  test('before any other check', async () => {
    const { answer } = await post({ email: 'noor' }, [], { cookie: 'x=y', csrf: 'x' });
    expect(statusOf(answer)).toBe(403);
    expect(answer).not.toContain('no_email');
  });

  test('also as a text body that another site may send without a preflight (Fetch §2.2.2)', async () => {
    const { cookie } = await open();
    const answer = await request(
      edge,
      'POST /page',
      ['Content-Type: text/plain', `Cookie: ${cookie}`, 'Sec-Fetch-Site: cross-site'],
      'email=noor@x.test',
    );
    expect(statusOf(answer)).toBe(403);
  });
});

test.each(['Origin: null', 'Sec-Fetch-Site: same-origin'])(
  'our own form is accepted with %s, which browsers send under our referrer policy',
  async (header) => {
    expect((await post(good, [header])).status).toBe(200);
  },
);

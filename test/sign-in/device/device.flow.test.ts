import { randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const api = 'https://invoices.example';
const MINUTE = 60_000;

let latchkey: TestApp;
let tv: TestClient;
let web: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'limits.userCodeFailures': 1000 },
    env: { TRUSTED_PROXIES: '127.0.0.1' },
  });
  await latchkey.run('apis.create', {
    identifier: api,
    name: 'Fernway Studio',
    scopes: [{ name: 'invoices:write', description: 'Read and change your invoices' }],
  });
  tv = await device();
  web = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

type Asked = TokenAnswer['body'] & {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
};

const device = (more: Record<string, unknown> = {}) =>
  latchkey.client({
    name: 'Tally TV',
    type: 'native',
    redirect_uris: [],
    grant_types: [DEVICE, 'refresh_token'],
    apis: { [api]: ['*'] },
    ...more,
  });
const ask = async (parameters: Record<string, string> = {}, who = tv): Promise<Asked> =>
  (
    await post(
      `${latchkey.base}/oidc/device/auth`,
      who,
      { scope: 'openid email', ...parameters },
      { 'user-agent': 'tv/1.0' },
    )
  ).body as Asked;
const poll = (asked: Asked, who: TestClient = tv): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, who, { grant_type: DEVICE, device_code: asked.device_code });
const travel = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });

async function signedIn(who = user, headers: Record<string, string> = {}): Promise<Visitor> {
  const visitor = new Visitor(headers);
  await visitor.signIn(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge }), who);
  return visitor;
}
async function enter(visitor: Visitor, code: string): Promise<Page> {
  return visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), { user_code: code });
}
/** From the confirmation on: password where it is asked for, leave where it is needed, to the last page. */
async function finish(visitor: Visitor, confirm: Page, who = user): Promise<Page> {
  let page = await visitor.submit(confirm, {}, 'confirm');
  for (let pages = 0; pages < 5; pages += 1) {
    const [form] = formsOf(page);
    if (!form) return page;
    if ('password' in form.fields) page = await visitor.submit(page, { password: who.password });
    else if ('email' in form.fields) page = await visitor.submit(page, { email: who.email });
    else if (form.buttons.some(({ value }) => value === 'allow')) page = await visitor.submit(page, {}, 'allow');
    else return page;
  }
  return page;
}

describe('the request of the device (RFC 8628 §3.1, §3.2)', () => {
  test('returns two codes, the address for the user, and the polling interval', async () => {
    const asked = await ask();
    expect(asked).toEqual({
      device_code: expect.stringMatching(/^.{43,}$/) as string,
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/) as string,
      verification_uri: `${latchkey.base}/device`,
      verification_uri_complete: `${latchkey.base}/device?user_code=${asked.user_code}`,
      expires_in: 600,
      interval: 5,
    });
  });

  test.each<[string, Record<string, string>, () => TestClient, string]>([
    ['a client without the grant', {}, () => web, 'unauthorized_client'],
    ['an API that does not exist', { resource: 'https://unknown.example' }, () => tv, 'invalid_target'],
    [
      'a client that does not exist',
      {},
      () => ({ client_id: 'nobody', client_secret: '' }) as TestClient,
      'invalid_client',
    ],
  ])('%s is refused', async (_what, parameters, who, error) => {
    expect((await ask(parameters, who())).error).toMatch(new RegExp(`${error}|invalid_request`));
  });
});

describe('the answer of the user (RFC 8628 §3.3)', () => {
  test('is given by entering the code, signing in and allowing it', async () => {
    const asked = await ask();
    const visitor = new Visitor();
    const confirm = await enter(visitor, asked.user_code);
    expect(confirm.status).toBe(200);
    const last = await finish(visitor, confirm);
    expect(last.status).toBe(200);
    travel(6000);
    const { status, body } = await poll(asked);
    expect(status).toBe(200);
    expect(decodeJwt(body.id_token)).toMatchObject({ sub: user.id, aud: tv.client_id });
  });

  test.each<[string, (code: string) => string]>([
    ['a space before it', (code) => ` ${code}`],
    ['blanks around its dash', (code) => code.replace('-', ' - ')],
    ['another dash', (code) => code.replace('-', '\u2013')],
    ['no dash, in small letters', (code) => code.replace('-', '').toLowerCase()],
    ['invisible characters', (code) => `\u200e${code.replace('-', '\u200b-\u00a0')}\u202c`],
    ['full-width letters', (code) => code.replaceAll(/[A-Z-]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))],
  ])('takes a code that was pasted with %s', async (_what, paste) => {
    const asked = await ask();
    const confirm = await enter(new Visitor(), paste(asked.user_code));
    expect(confirm.text.replaceAll('<wbr>', '')).toContain(asked.user_code);
    expect(formsOf(confirm)[0]?.fields['user_code']).toBe(asked.user_code);
  });

  test('is no try while letters are missing', async () => {
    const page = await enter(new Visitor(), 'BCD - F');
    expect([page.isRefused, formsOf(page)[0]?.fields['user_code']]).toEqual([true, 'BCDF']);
    expect(page.text).toContain('Enter all 8 characters');
  });

  test('begins at the short address, with the code of a link', async () => {
    const short = await new Visitor().open(`${latchkey.base}/device?user_code=%20bcdf-ghjk`);
    expect(new URL(short.url).pathname).toBe('/oidc/device');
    expect(formsOf(short)[0]?.fields['user_code']).toBe('BCDFGHJK');
  });

  test('follows a page with the app, the rights, the origin, and a warning (§5.4)', async () => {
    const asked = await ask({ scope: 'openid email invoices:write', resource: api });
    const { text } = await enter(await signedIn(), asked.user_code);
    for (const part of [
      'Tally TV',
      asked.user_code,
      'tv/1.0',
      '127.0.0.1',
      'Read and change your invoices',
      'Fernway Studio',
      user.email,
    ])
      expect(text.replaceAll('<wbr>', '')).toContain(part);
    expect(text).toContain('data-tone="warn"');
  });

  test('accepts the code in small letters, with blanks or without its dash', async () => {
    for (const write of [
      (c: string) => c.toLowerCase(),
      (c: string) => c.replace('-', ' '),
      (c: string) => c.replace('-', ''),
    ]) {
      const asked = await ask();
      expect(formsOf(await enter(new Visitor(), write(asked.user_code)))[0]?.buttons.map(({ value }) => value)).toEqual(
        ['confirm', 'abort'],
      );
    }
  });

  test('may be no: the device receives access_denied (§3.5)', async () => {
    const asked = await ask();
    const visitor = await signedIn();
    await visitor.submit(await enter(visitor, asked.user_code), {}, 'abort');
    expect((await poll(asked)).body.error).toBe('access_denied');
  });

  test('may be a denial on the consent page', async () => {
    const asked = await ask();
    const visitor = await signedIn();
    const consent = await visitor.submit(await enter(visitor, asked.user_code), {}, 'confirm');
    await visitor.submit(consent, {}, 'deny');
    expect((await poll(asked)).body.error).toBe('access_denied');
  });

  test('is not given by the link with the code alone (§5.4)', async () => {
    const asked = await ask();
    const visitor = await signedIn();
    let page = await visitor.open(asked.verification_uri_complete);
    expect((await poll(asked)).body.error).toBe('authorization_pending');
    if (!formsOf(page)[0]?.buttons.some(({ value }) => value === 'confirm')) page = await visitor.submit(page);
    expect(formsOf(page)[0]?.buttons.map(({ value }) => value)).toEqual(['confirm', 'abort']);
    travel(6000);
    expect((await poll(asked)).body.error).toBe('authorization_pending');
  });

  test('requires a new sign-in in a session of more than ten minutes', async () => {
    const [fresh, old] = [await signedIn(), await signedIn()];
    const first = await ask();
    const consent = await fresh.submit(await enter(fresh, first.user_code), {}, 'confirm');
    expect(formsOf(consent)[0]?.fields).not.toHaveProperty('email');
    travel(11 * MINUTE);
    const second = await ask();
    const login = await old.submit(await enter(old, second.user_code), {}, 'confirm');
    expect(Object.keys(formsOf(login)[0]?.fields ?? {}).join()).toMatch(/email|password/);
    expect((await poll(second)).body.error).toBe('authorization_pending');
  });

  test.each<[string, (asked: Asked) => Promise<string> | string]>([
    ['nothing', () => ''],
    ['a code that was never issued', () => 'BBBB-BBBB'],
    ['markup', () => '"><script>alert(1)</script>'],
    ['a NUL', () => 'BBBB\u0000BBB'],
    ['1000 letters', () => 'B'.repeat(1000)],
  ])('%s is not a code: the form is shown again, without a fault', async (_what, write) => {
    const page = await enter(await signedIn(), await write(await ask()));
    expect(page.status === 400 || page.isRefused).toBe(true);
    expect(page.text).not.toContain('<script>alert');
  });

  test('an expired code is reported as expired', async () => {
    const asked = await ask();
    travel(10 * MINUTE + 15_000);
    const page = await enter(await signedIn(), asked.user_code);
    expect(page.isRefused).toBe(true);
    expect((await poll(asked)).body.error).toBe('expired_token');
  });

  test('a form from another site is refused', async () => {
    const asked = await ask();
    const visitor = await signedIn();
    await visitor.open(`${latchkey.base}/oidc/device`);
    const forged = await visitor.request(`${latchkey.base}/oidc/device`, {
      form: { user_code: asked.user_code, action: 'confirm', xsrf: 'x'.repeat(48) },
    });
    expect(forged.status).toBeGreaterThanOrEqual(400);
    expect((await poll(asked)).body.error).toBe('authorization_pending');
  });
});

describe('only one user answers', () => {
  test('the first one who entered the code; another user sees that it is used', async () => {
    const asked = await ask();
    const [alice, dave] = [await signedIn(), await signedIn(await latchkey.user())];
    const confirm = await enter(alice, asked.user_code);
    const own = await dave.open(`${latchkey.base}/oidc/device`);
    const approved = await dave.submit(own, { user_code: asked.user_code, confirm: 'yes' });
    expect(approved.isRefused).toBe(true);
    expect((await enter(dave, asked.user_code)).isRefused).toBe(true);
    await finish(alice, confirm);
    expect(decodeJwt((await poll(asked)).body.id_token).sub).toBe(user.id);
  });

  test('one of several browsers that enter it at the same time sees the request', async () => {
    const asked = await ask();
    const visitors = [new Visitor(), new Visitor(), new Visitor(), new Visitor()];
    const forms = await Promise.all(visitors.map((visitor) => visitor.open(`${latchkey.base}/oidc/device`)));
    const pages = await Promise.all(
      visitors.map((visitor, i) => visitor.submit(forms[i] as Page, { user_code: asked.user_code })),
    );
    expect(pages.filter(({ isRefused }) => !isRefused)).toHaveLength(1);
  });

  test('an answer cannot be given twice', async () => {
    const asked = await ask();
    const visitor = await signedIn();
    const confirm = await enter(visitor, asked.user_code);
    await finish(visitor, confirm);
    expect((await enter(visitor, asked.user_code)).isRefused).toBe(true);
    expect((await poll(asked)).status).toBe(200);
  });
});

describe('the polling of the device (RFC 8628 §3.4, §3.5)', () => {
  test('receives authorization_pending, and slow_down if it polls too often', async () => {
    const asked = await ask();
    expect((await poll(asked)).body.error).toBe('authorization_pending');
    const { status, body } = await poll(asked);
    expect([status, body.error]).toEqual([400, 'slow_down']);
  });

  test('is never slowed down at the given interval', async () => {
    const asked = await ask();
    for (let i = 0; i < 4; i += 1) {
      expect((await poll(asked)).body.error).toBe('authorization_pending');
      travel(5000);
    }
  });

  test('succeeds at most once in twenty parallel redemptions', async () => {
    const asked = await ask({ scope: 'openid offline_access' });
    const visitor = await signedIn();
    await finish(visitor, await enter(visitor, asked.user_code));
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(asked)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect((await poll(asked)).body.error).toBe('invalid_grant');
  });

  test.each<[string, (asked: Asked) => Promise<TokenAnswer>, string]>([
    ['another client', async (asked) => poll(asked, await device()), 'invalid_grant'],
    ['a client without the grant', async (asked) => poll(asked, web), 'invalid_request'],
    ['the user code', async (asked) => poll({ ...asked, device_code: asked.user_code }), 'invalid_grant'],
    ['a made-up code', async (asked) => poll({ ...asked, device_code: 'x'.repeat(43) }), 'invalid_grant'],
    ['no code', async (asked) => poll({ ...asked, device_code: '' }), 'invalid_request'],
  ])('%s is refused', async (_what, redeem, error) => {
    const asked = await ask();
    const visitor = await signedIn();
    await finish(visitor, await enter(visitor, asked.user_code));
    expect((await redeem(asked)).body.error).toBe(error);
    expect((await poll(asked)).status).toBe(200);
  });

  test('receives nothing for a user who was disabled meanwhile', async () => {
    const asked = await ask();
    const person = await latchkey.user();
    const visitor = await signedIn(person);
    await finish(visitor, await enter(visitor, asked.user_code), person);
    await latchkey.run('users.disable', { user_id: person.id });
    expect((await poll(asked)).body.error).toBe('invalid_grant');
  });
});

describe('guessing user codes (RFC 8628 §5.1)', () => {
  test('five wrong ones in ten minutes close the form, also for right ones', async () => {
    await latchkey.run('settings.update', { name: 'limits.userCodeFailures', value: '5' });
    const guesser = await latchkey.user();
    const visitor = await signedIn(guesser, { 'x-forwarded-for': `2001:db8:${randomBytes(2).toString('hex')}::1` });
    travel(MINUTE);
    const isClosed = ({ isRefused, text }: Page) => isRefused && text.includes('too many incorrect codes');
    const closed = [];
    for (let i = 0; i < 8; i += 1) closed.push(isClosed(await enter(visitor, `BBBB-BBB${'BCDFGHJK'[i]}`)));
    expect(closed).toEqual([false, false, false, false, false, true, true, true]);
    expect(isClosed(await enter(visitor, (await ask()).user_code))).toBe(true);
  });
});

import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, type TokenAnswer, Visitor } from '../support/visitor.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
let latchkey: TestApp;
let client: TestClient;
let user: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.userCodeFailures': 100_000 } });
  client = await latchkey.client({
    type: 'native',
    redirect_uris: ['http://127.0.0.1:9/cb'],
    grant_types: ['authorization_code', 'refresh_token', GRANT],
    scope: 'openid offline_access',
  });
  user = await latchkey.user();
});
afterAll(() => latchkey.close());
afterEach(() => void vi.useRealTimers());

type Asked = { device_code: string; user_code: string; verification_uri: string; verification_uri_complete: string };

async function ask(): Promise<Asked> {
  const answer = await post(`${latchkey.base}/oidc/device/auth`, client, { scope: 'openid' });
  expect(answer.status).toBe(200);
  return answer.body as unknown as Asked;
}

const redeem = ({ device_code }: Asked): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: GRANT, device_code });

const pass = (seconds: number): void => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
};

async function type(visitor: Visitor, userCode: string): Promise<Page> {
  return visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), { user_code: userCode });
}

/** A browser on the page that asks whether the device may, signed in already or not. */
async function atConfirmation(
  { user_code }: Asked,
  visitor = new Visitor(),
): Promise<{ visitor: Visitor; page: Page }> {
  return { visitor, page: await type(visitor, user_code) };
}

/** Goes on from the page to the end, signing in where asked. */
async function finish(visitor: Visitor, page: Page, { email, password }: TestUser): Promise<Page> {
  let at = page;
  for (let pages = 0; pages < 5; pages += 1) {
    const [form] = formsOf(at);
    if (!form) return at;
    if ('password' in form.fields) at = await visitor.submit(at, { password });
    else if ('email' in form.fields) at = await visitor.submit(at, { email });
    else if (form.buttons.some(({ value }) => value === 'allow')) at = await visitor.submit(at, {}, 'allow');
    else return at;
  }
  return at;
}

describe('a device (RFC 8628)', () => {
  test('gets tokens once when a user allowed it', async () => {
    const asked = await ask();
    expect((await redeem(asked)).body.error).toBe('authorization_pending');
    const { visitor, page } = await atConfirmation(asked);
    await finish(visitor, await visitor.submit(page, {}, 'confirm'), user);
    const tokens = await redeem(asked);
    expect(tokens.status).toBe(200);
    const hash = createHash('sha256').update(tokens.body.access_token).digest().subarray(0, 16);
    expect(decodeJwt(tokens.body.id_token)['at_hash']).toBe(hash.toString('base64url'));
    const again = await redeem(asked);
    expect(again.body.error).toBe('invalid_grant');
    const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.body.access_token}` },
    });
    expect(userinfo.status).toBe(401);
  });

  test('gets access_denied when a user denied it', async () => {
    const asked = await ask();
    const { visitor, page } = await atConfirmation(asked);
    await visitor.submit(page, {}, 'abort');
    expect((await redeem(asked)).body.error).toBe('access_denied');
  });

  test('gets nothing for an address with the code before a user presses a button (§5.4)', async () => {
    const asked = await ask();
    await new Visitor().open(asked.verification_uri_complete);
    expect((await redeem(asked)).body.error).toBe('authorization_pending');
  });

  test('is told to slow down when it asks faster than every five seconds, then every ten (§3.5)', async () => {
    const asked = await ask();
    const errors: string[] = [];
    let now = Date.now();
    const waits = [0, 5, 2, 10, 5, 15];
    for (const seconds of waits) {
      now += seconds * 1000;
      vi.useFakeTimers({ toFake: ['Date'], now });
      errors.push((await redeem(asked)).body.error);
    }
    const [pending, slow] = ['authorization_pending', 'slow_down'];
    expect(errors).toEqual([pending, pending, slow, pending, slow, pending]);
  });

  test('gets expired_token for an expired code', async () => {
    const asked = await ask();
    pass(601);
    expect((await redeem(asked)).body.error).toBe('expired_token');
    expect((await type(new Visitor(), asked.user_code)).isRefused).toBe(true);
  });
});

describe('the user who answers a device', () => {
  /** Types the code and presses the button, as far as the pages let this browser come. */
  async function answer(asked: Asked, button: 'confirm' | 'abort'): Promise<{ visitor: Visitor; page: Page }> {
    const { visitor, page } = await atConfirmation(asked);
    return { visitor, page: page.isRefused ? page : await visitor.submit(page, {}, button) };
  }

  test('in one of two browsers that allow it at once continues, the other is refused', async () => {
    for (let round = 0; round < 10; round += 1) {
      const asked = await ask();
      const answers = await Promise.all([answer(asked, 'confirm'), answer(asked, 'confirm')]);
      const goesOn = answers.map(({ page }) => page.url.includes('/interaction/'));
      expect(goesOn.filter(Boolean)).toHaveLength(1);
      expect(answers[goesOn.indexOf(false)]?.page.isRefused).toBe(true);
    }
  });

  test('with yes and no at once gives the device one answer for good', async () => {
    for (let round = 0; round < 5; round += 1) {
      const asked = await ask();
      const [yes] = await Promise.all([answer(asked, 'confirm'), answer(asked, 'abort')]);
      await finish(yes.visitor, yes.page, user);
      const [first, second] = [await redeem(asked), await redeem(asked)];
      expect([first.status === 200 ? 'tokens' : first.body.error, second.body.error]).toEqual([
        expect.stringMatching(/^(tokens|access_denied)$/),
        'invalid_grant',
      ]);
    }
  });

  test('lets one of twenty redemptions at once win, and its tokens are revoked', async () => {
    const asked = await ask();
    const { visitor, page } = await atConfirmation(asked);
    await finish(visitor, await visitor.submit(page, {}, 'confirm'), user);
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(asked)));
    const [winner, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${winner?.body.access_token}` },
    });
    expect(userinfo.status).toBe(401);
  });

  test('answers in one browser; the code cannot be taken over in another', async () => {
    const asked = await ask();
    const { visitor, page } = await atConfirmation(asked);
    const begun = await visitor.submit(page, {}, 'confirm');
    const stranger = await type(new Visitor(), asked.user_code);
    expect(stranger.isRefused).toBe(true);
    expect(stranger.text).not.toContain('value="confirm"');
    await finish(visitor, begun, user);
    expect((await redeem(asked)).status).toBe(200);
  });
});

describe('guessing user codes (RFC 8628 §5.1)', () => {
  const wrong = (): string =>
    Array.from({ length: 8 }, () => 'BCDFGHJKLMNPQRSTVWXZ'[Math.floor(Math.random() * 20)]).join('');
  let limited: TestApp;
  let asked: Asked;

  beforeEach(async () => {
    limited = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.0/8,::1' } });
    const device = await limited.client({ grant_types: [GRANT], redirect_uris: [] });
    asked = (await post(`${limited.base}/oidc/device/auth`, device, { scope: 'openid' })).body as unknown as Asked;
  });
  afterEach(() => limited.close());

  /** Addresses that no other test uses, as Redis may be shared. */
  const address = (): string => `2001:db8:${Math.floor(Math.random() * 0xffff).toString(16)}:1::1`;
  const from = (ip: string): Visitor => new Visitor({ 'x-forwarded-for': ip });
  const attempt = async (visitor: Visitor, code: string): Promise<'asks' | 'unknown' | 'paused'> => {
    const page = await visitor.submit(await visitor.open(`${limited.base}/oidc/device`), { user_code: code });
    if (page.text.includes('value="confirm"')) return 'asks';
    return page.text.includes('Codes are paused') ? 'paused' : 'unknown';
  };

  test('ends after five wrong ones in ten minutes from one address, for the right one too', async () => {
    const ip = address();
    const visitor = from(ip);
    // Right ones do not count.
    for (let i = 0; i < 7; i += 1) expect(await attempt(visitor, asked.user_code)).toBe('asks');
    for (let i = 0; i < 5; i += 1) expect(await attempt(visitor, wrong())).toBe('unknown');
    expect(await attempt(visitor, wrong())).toBe('paused');
    expect(await attempt(visitor, asked.user_code)).toBe('paused');
    expect(await attempt(from(ip), asked.user_code)).toBe('paused');
    expect(await attempt(from(address()), asked.user_code)).not.toBe('paused');
  });

  test('ends after five wrong ones of one user, from any address', async () => {
    const person = await limited.user();
    const shop = await limited.client();
    const visitor = from(address());
    await visitor.signIn(authorizeUrl(limited.base, shop, { code_challenge: pkce().challenge }), person);
    const moved = (): Visitor => {
      const next = from(address());
      for (const [key, cookie] of visitor.jar) next.jar.set(key, cookie);
      return next;
    };
    for (let i = 0; i < 5; i += 1) expect(await attempt(moved(), wrong())).toBe('unknown');
    expect(await attempt(moved(), asked.user_code)).toBe('paused');
    expect(await attempt(from(address()), asked.user_code)).not.toBe('paused');
  });

  test('counts parallel guesses', async () => {
    const ip = address();
    const pages = await Promise.all(Array.from({ length: 20 }, () => attempt(from(ip), wrong())));
    expect(pages.filter((page) => page === 'paused')).toHaveLength(15);
  });
});

/** The address, the cookie and the form of a confirmation page are useless to an attacker. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

let latchkey: TestApp;
let tv: TestClient;
let web: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.userCodeFailures': 100_000 } });
  [tv, web, user] = [
    await latchkey.client({ name: 'Lantern TV', type: 'native', redirect_uris: [], grant_types: [DEVICE] }),
    await latchkey.client({ first_party: true }),
    await latchkey.user(),
  ];
});
afterAll(() => latchkey.close());

const request = () => authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge });
async function signedIn(who = user): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.signIn(request(), who);
  return visitor;
}
async function confirming(visitor: Visitor): Promise<{ page: Page; userCode: string; hears(): Promise<string> }> {
  const { body } = await post(`${latchkey.base}/oidc/device/auth`, tv, { scope: 'openid email' });
  const userCode = String(body['user_code']);
  const page = await visitor.submit(await visitor.open(`${latchkey.base}/oidc/device`), { user_code: userCode });
  const hears = async () =>
    (await post(`${latchkey.base}/oidc/token`, tv, { grant_type: DEVICE, device_code: String(body['device_code']) }))
      .body.error;
  return { page, userCode, hears };
}
const isShownCookie = (key: string): boolean => key.includes('latchkey-device-');

function expectNothing(page: Page, userCode: string): void {
  expect(page.status).toBe(200);
  expect(page.text).not.toContain('value="confirm"');
  expect(page.text).not.toContain('Lantern TV');
  expect(page.text).not.toContain(userCode);
}

describe('the confirmation page of another browser', () => {
  test.each([
    ['its address', async (_victim: Visitor, _attacker: Visitor) => undefined],
    [
      'its address and its cookie',
      async (victim: Visitor, attacker: Visitor) => {
        for (const [key, cookie] of victim.jar) if (isShownCookie(key)) attacker.jar.set(key, { ...cookie });
      },
    ],
  ])('is not shown by %s', async (_what, steal) => {
    const [victim, attacker] = [await signedIn(), await signedIn(await latchkey.user())];
    const { page, userCode, hears } = await confirming(victim);
    await steal(victim, attacker);
    expectNothing(await attacker.open(page.url), userCode);
    expect(await hears()).toBe('authorization_pending');
  });

  test.each([
    ['cut short', (value: string) => value.slice(0, -8)],
    ['no sealed text', () => 'x'],
    ['of another page', (_value: string, other: string) => other],
  ])('is not shown where its cookie is %s', async (_what, change) => {
    const visitor = await signedIn();
    const [first, second] = [await confirming(visitor), await confirming(visitor)];
    const idOf = ({ page }: { page: Page }) => new URL(page.url).searchParams.get('device')!;
    const cookie = (id: string) => [...visitor.jar.values()].find(({ name }) => name.endsWith(`device-${id}`))!;
    const [own, other] = [cookie(idOf(first)), cookie(idOf(second))];
    own.value = change(own.value, other.value);
    expectNothing(await visitor.open(first.page.url), first.userCode);
  });

  test.each(['', 'x', '../..', '%00', 'a'.repeat(5000), '"><script>'])('has no name such as %s', async (name) => {
    const address = `${latchkey.base}/oidc/device?${new URLSearchParams({ device: name }).toString()}`;
    const page = await (await signedIn()).open(address);
    expect([200, 414]).toContain(page.status);
    expect(page.text).not.toContain('value="confirm"');
  });

  test('ends with the session: the next user of the browser sees nothing, and cannot answer', async () => {
    const visitor = await signedIn();
    const { page, userCode, hears } = await confirming(visitor);
    await visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout');
    const next = await latchkey.user();
    await visitor.signIn(request(), next);
    expectNothing(await visitor.open(page.url), userCode);
    const form = await visitor.open(`${latchkey.base}/oidc/device`);
    expect((await visitor.submit(form, { user_code: userCode, confirm: 'yes' })).isRefused).toBe(true);
    expect(await hears()).toBe('authorization_pending');
  });
});

describe('the token of a form about devices', () => {
  const sent = (visitor: Visitor, page: Page, more: Record<string, string>) => {
    const [form] = formsOf(page);
    return visitor.request(form!.action, { form: { ...form!.fields, ...more } });
  };

  test('that was seen before the sign-in, in a session that was planted, is refused after it', async () => {
    const victim = new Visitor();
    const planted = await victim.open(`${latchkey.base}/oidc/device`);
    await victim.signIn(request(), user);
    const { userCode, hears } = await confirming(victim);
    const xsrf = formsOf(planted)[0]!.fields['xsrf']!;
    const answer = await victim.request(`${latchkey.base}/oidc/device`, {
      form: { xsrf, user_code: userCode, action: 'confirm' },
    });
    expect([answer.status, answer.location]).toEqual([403, null]);
    expect(await hears()).toBe('authorization_pending');
  });

  test.each(['confirm', 'abort'])('of another session is refused, %s', async (action) => {
    const [victim, attacker] = [await signedIn(), await signedIn(await latchkey.user())];
    const { page, hears } = await confirming(victim);
    const xsrf = formsOf(await attacker.open(`${latchkey.base}/oidc/device`))[0]!.fields['xsrf']!;
    const answer = await sent(victim, page, { xsrf, action });
    expect([answer.status, answer.location]).toEqual([403, null]);
    expect(await hears()).toBe('authorization_pending');
  });
});

test('a browser that confirms a code at once, past the page, holds it like one that read it', async () => {
  const { body } = await post(`${latchkey.base}/oidc/device/auth`, tv, { scope: 'openid email' });
  const userCode = String(body['user_code']);
  const [first, second] = [await signedIn(), await signedIn(await latchkey.user())];
  const form = await first.open(`${latchkey.base}/oidc/device`);
  expect((await first.submit(form, { user_code: userCode, confirm: 'yes' })).url).toContain('/interaction/');
  const other = await second.open(`${latchkey.base}/oidc/device`);
  for (const more of [{}, { confirm: 'yes' }, { abort: 'yes' }])
    expect((await second.submit(other, { user_code: userCode, ...more })).isRefused).toBe(true);
});

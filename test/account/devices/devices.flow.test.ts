import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { eventsOf, isSignIn, prove, send, signInTo, travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { formsOf, post, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let shop: TestClient;
let own: TestClient;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  await latchkey.run('apis.create', {
    identifier: 'https://api.example',
    name: 'Tally API',
    scopes: [{ name: 'read', description: 'Read your invoices' }],
    token_format: 'opaque',
  });
  shop = await latchkey.client({
    name: 'Shop',
    apis: { 'https://api.example': ['*'] },
    client_uri: 'https://shop.example',
  });
  own = await latchkey.client({ name: 'House', first_party: true });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0';
const phone =
  'Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36';
const sessionsOf = async ({ id }: { id: string }) =>
  (await latchkey.run<{ sessions: { id: string; client_ids: string[] }[] }>('users.sessions.list', { user_id: id }))
    .sessions;
const refresh = async (client: TestClient, token: string) =>
  (await post(at('/oidc/token'), client, { grant_type: 'refresh_token', refresh_token: token })).body.error ?? 'works';
const offline = { scope: 'openid profile offline_access', prompt: 'consent' };

describe('devices', () => {
  test('are named, the present one is marked, and one can be signed out without the other', async () => {
    const here = await signInTo(latchkey, undefined, { 'user-agent': firefox });
    const there = await signInTo(latchkey, here.user, { 'user-agent': phone });
    const page = await here.visitor.open(at('/account/devices'));
    expect(page.text).toMatch(/Firefox on Linux <span class="tag" data-tone="ok">This browser/);
    expect(page.text).toContain('Chrome on Android');
    expect(page.text).toContain('127.0.0.1');
    const ended = await here.visitor.submit(page, {}, 'logout');
    expect(ended.url).toBe(at('/account/devices?done=signed_out'));
    expect(ended.text).not.toContain('Chrome on Android');
    expect(isSignIn(await there.visitor.open(at('/account')))).toBe(true);
    expect((await here.visitor.open(at('/account'))).status).toBe(200);
  });

  test('cannot be signed out by another user, with any id', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    const [session] = await sessionsOf(alice.user);
    for (const device of [session?.id ?? '', 'nothing', ''])
      expect((await send(mallory.visitor, at('/account/devices'), { action: 'logout', device })).status).toBe(404);
    expect((await alice.visitor.open(at('/account'))).status).toBe(200);
  });

  test('can all be signed out from one, together with offline access of apps', async () => {
    const here = await signInTo(latchkey);
    const there = await signInTo(latchkey, here.user);
    const tokens = await tokensFor(latchkey.base, shop, here.user, offline, new Visitor());
    expect(await refresh(shop, tokens.refresh_token)).toBe('works');
    const page = await here.visitor.submit(await here.visitor.open(at('/account/devices')), {}, 'others');
    expect(page.url).toBe(at('/account/devices?done=signed_out'));
    expect(isSignIn(await there.visitor.open(at('/account')))).toBe(true);
    expect(await refresh(shop, tokens.refresh_token)).toBe('invalid_grant');
    expect(await sessionsOf(here.user)).toHaveLength(1);
    expect((await here.visitor.open(at('/account'))).status).toBe(200);
  });
});

describe('connected apps', () => {
  test('show their scopes and the date of consent; to disconnect one ends its tokens', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const asked = { ...offline, scope: 'openid profile offline_access read', resource: 'https://api.example' };
    const tokens = await tokensFor(latchkey.base, shop, user, asked);
    const page = await visitor.open(at('/account/apps'));
    expect(page.text).toContain('Shop');
    expect(page.text).toContain('Read your invoices');
    expect(page.text).toContain('href="https://shop.example/"');
    expect(page.text).not.toContain('latchkey-pages');
    const gone = await visitor.submit(page, {}, 'remove');
    expect(gone.url).toBe(at('/account/apps?done=disconnected'));
    expect(gone.text).toContain('No apps can use your account');
    expect(await refresh(shop, tokens.refresh_token)).toBe('invalid_grant');
    expect(await eventsOf(latchkey, user)).toContain('consent.revoked');
    // It has to ask again.
    const again = new Visitor();
    const url = new URL(at('/oidc/auth'));
    url.search = new URLSearchParams({
      client_id: shop.client_id,
      redirect_uri: shop.redirect_uris[0]!,
      response_type: 'code',
      scope: 'openid profile',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    }).toString();
    expect((await prove(again, await again.open(url.href), user)).url).toMatch(/\/consent$/);
  });

  test('include first-party apps, which need no consent', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const { access_token: token } = await tokensFor(latchkey.base, own, user, { scope: 'openid profile' });
    const userinfo = async () =>
      (await fetch(at('/oidc/userinfo'), { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await userinfo()).toBe(200);
    expect((await visitor.open(at('/account/apps'))).text).toContain('House');
    expect((await send(visitor, at('/account/apps'), { app: own.client_id })).status).toBe(303);
    expect(await userinfo()).toBe(401);
    expect(await eventsOf(latchkey, user)).toContain('grant.revoked');
  });

  test('cannot be disconnected by another user', async () => {
    const [alice, mallory] = [await signInTo(latchkey), await signInTo(latchkey)];
    const tokens = await tokensFor(latchkey.base, own, alice.user, offline);
    for (const app of [own.client_id, 'latchkey-pages', 'nothing'])
      expect((await send(mallory.visitor, at('/account/apps'), { app })).status).toBe(404);
    expect(await refresh(own, tokens.refresh_token)).toBe('works');
  });
});

describe('activity', () => {
  test('lists the user’s own events in sentences, newest first, page by page', async () => {
    const { visitor, user } = await signInTo(latchkey, undefined, { 'user-agent': firefox });
    const other = await signInTo(latchkey);
    await send(other.visitor, at('/account/profile'), { name: 'Another user' });
    for (let change = 0; change < 31; change += 1)
      await send(visitor, at('/account/profile'), { name: `Name ${change}` });
    const page = await visitor.open(at('/account/activity'));
    expect(page.text.match(/Your details were changed/g)).toHaveLength(30);
    expect(page.text).not.toContain('Signed in to');
    const older = /href="(\/account\/activity\?before=evt_\w+)"/.exec(page.text)?.[1] ?? '';
    const rest = await visitor.open(at(older));
    expect(rest.text).toContain('Signed in to');
    expect(rest.text).toContain('Firefox on Linux');
    expect(rest.text).toContain('The account was created');
    expect(rest.text.match(/Your details were changed/g)).toHaveLength(1);
    // The cursor of another user leads to no entries.
    expect((await other.visitor.open(at(older))).text).not.toContain('Your details were changed');
    expect((await other.visitor.open(at('/account/activity?before=evt_x'))).status).toBe(200);
    expect(user.id).toMatch(/^usr_/);
  });

  test('shows an event of a type that only earlier releases recorded', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const rename =
      "update audit_event set type = 'user.status_changed' where type = 'user.created' and subject_id = $1";
    await latchkey.app.database.sql(rename, [user.id]);
    const page = await visitor.open(at('/account/activity'));
    expect(page.text).toContain('The account was enabled or disabled');
  });

  test('“This wasn’t me” locks the account and mails a link to recover it', async () => {
    const here = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const there = await signInTo(latchkey, here.user);
    const tokens = await tokensFor(latchkey.base, shop, here.user, offline);
    const page = await here.visitor.submit(await here.visitor.open(at('/account/activity/not-me')), {}, 'confirm');
    expect(page.url).toBe(at('/not-me/done'));
    for (const { visitor } of [here, there]) expect(isSignIn(await visitor.open(at('/account')))).toBe(true);
    expect(await refresh(shop, tokens.refresh_token)).toBe('invalid_grant');
    const stranger = new Visitor();
    const refused = await prove(stranger, await stranger.open(at('/account')), here.user);
    expect(refused.isRefused).toBe(true);
    const mail = await mails.next(here.user.email, /password|locked|lock/i);
    expect(mail.link).toContain(latchkey.base);
    expect(await eventsOf(latchkey, here.user)).toContain('user.locked_by_owner');
  });

  test('“This wasn’t me” in a session of six minutes requires reauthentication first', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    travel(6 * MINUTE);
    const late = await send(visitor, at('/account/activity/not-me'), { action: 'confirm' });
    expect(new URL(late.location!).pathname).toBe('/oidc/auth');
    expect(await eventsOf(latchkey, user)).not.toContain('user.locked_by_owner');
    const asked = await visitor.open(at('/account/activity/not-me'));
    expect(isSignIn(asked)).toBe(true);
    const page = await prove(visitor, asked, user);
    expect(page.url).toBe(at('/account/activity/not-me'));
    expect((await visitor.submit(page, {}, 'confirm')).url).toBe(at('/not-me/done'));
  });

  test('“This wasn’t me” requires the form of the page', async () => {
    const { visitor } = await signInTo(latchkey);
    const page = await visitor.request(at('/account/activity/not-me'), { form: { csrf: 'x' } });
    expect(page.status).toBe(403);
    expect(formsOf(await visitor.open(at('/account/activity/not-me'))).length).toBe(1);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
  user = await latchkey.user();
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => latchkey.close());

const request = (extra: Record<string, string> = {}, of = client) =>
  authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...extra });
const travel = (milliseconds: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + milliseconds });
const sessionOf = (visitor: Visitor) =>
  [...visitor.jar.values()].find(({ name }) => name === 'latchkey-session')?.value;

/** Whether this browser is signed in: what a silent request says. */
async function silent(visitor: Visitor): Promise<string> {
  const page = await visitor.open(request({ prompt: 'none' }));
  const back = new URL(page.location ?? '').searchParams;
  return back.get('error') ?? (back.get('code') ? 'signed in' : 'nothing');
}

/** A browser that holds the same cookies at this moment. */
function copyOf(visitor: Visitor): Visitor {
  const copy = new Visitor();
  for (const [key, cookie] of visitor.jar) copy.jar.set(key, { ...cookie });
  return copy;
}

describe('a session', () => {
  test('has another id after the sign-in than before, and the old one is invalid', async () => {
    const victim = new Visitor();
    await victim.open(`${latchkey.base}/oidc/device`);
    const planted = copyOf(victim);
    expect(sessionOf(planted)).toMatch(/^[\w-]{21,}$/);
    await victim.signIn(request(), user);
    expect(sessionOf(victim)).not.toBe(sessionOf(planted));
    expect(await silent(victim)).toBe('signed in');
    expect(await silent(planted)).toBe('login_required');
  });

  test('has another id after reauthentication, and the old one is invalid', async () => {
    const visitor = new Visitor();
    await visitor.signIn(request(), user);
    const before = copyOf(visitor);
    await visitor.signIn(request({ prompt: 'login' }), user);
    expect(sessionOf(visitor)).not.toBe(sessionOf(before));
    expect(await silent(before)).toBe('login_required');
  });

  test('is invalid if its cookie was changed, or its signature is missing', async () => {
    const visitor = new Visitor();
    await visitor.signIn(request(), user);
    for (const name of ['latchkey-session', 'latchkey-session.sig']) {
      const forged = copyOf(visitor);
      const [key, cookie] = [...forged.jar].find(([, kept]) => kept.name === name) ?? [];
      if (!key || !cookie) throw new Error(`no cookie ${name}`);
      forged.jar.set(key, {
        ...cookie,
        value: `${cookie.value.slice(0, -1)}${cookie.value.endsWith('A') ? 'B' : 'A'}`,
      });
      expect(await silent(forged)).toBe('login_required');
      forged.jar.delete(key);
      expect(await silent(forged)).toBe('login_required');
    }
  });

  test('ends after an hour without use', async () => {
    const visitor = new Visitor();
    await visitor.signIn(request(), user);
    travel(59 * MINUTE);
    expect(await silent(visitor)).toBe('signed in');
    travel((59 + 59) * MINUTE);
    expect(await silent(visitor)).toBe('signed in');
    travel((59 + 59 + 61) * MINUTE);
    expect(await silent(visitor)).toBe('login_required');
  });

  test('ends after a day even in use', async () => {
    const visitor = new Visitor();
    await visitor.signIn(request(), user);
    for (let minutes = 50; minutes < 24 * 60; minutes += 50) {
      travel(minutes * MINUTE);
      expect(await silent(visitor)).toBe('signed in');
    }
    travel(24 * HOUR + MINUTE);
    expect(await silent(visitor)).toBe('login_required');
  });

  test('of a disabled user opens nothing, and stays ended', async () => {
    const person = await latchkey.user();
    const visitor = new Visitor();
    await visitor.signIn(request(), person);
    await latchkey.run('users.disable', { user_id: person.id });
    expect(await silent(visitor)).toBe('login_required');
    await latchkey.run('users.enable', { user_id: person.id });
    expect(await silent(visitor)).toBe('login_required');
  });
});

describe('a sign-in in progress', () => {
  test('cannot be finished in another browser', async () => {
    const alice = new Visitor();
    const page = await alice.open(request());
    const mallory = new Visitor();
    expect((await mallory.open(page.url)).status).toBe(410);
    const forged = await mallory.open(page.url, { email: 'mallory@example.com', action: 'continue' });
    expect([403, 410]).toContain(forged.status);
    expect(formsOf(await alice.open(page.url))[0]?.fields['email']).toBe('');
  });

  test('does not mix with one of another app in another tab', async () => {
    const other = await latchkey.client({ name: 'Other', redirect_uris: ['http://127.0.0.1:9/other'] });
    const visitor = new Visitor();
    const first = await visitor.open(request({ state: 'first' }));
    const second = await visitor.open(request({ state: 'second', scope: 'openid email' }, other));
    const [firstForm, secondForm] = [formsOf(first)[0], formsOf(second)[0]];
    // The form of one tab is sent to the address of the other one: every tab goes on for itself.
    const crossed = await visitor.open(secondForm?.action ?? '', {
      ...firstForm?.fields,
      email: user.email,
      action: 'continue',
    });
    expect(crossed.url).toBe(second.url.replace(/login$/, 'password'));
    const back = await visitor.submit(await visitor.submit(await visitor.open(first.url), { email: user.email }), {
      password: user.password,
    });
    const answer = new URL(back.location ?? '');
    expect(answer.pathname).toBe('/cb');
    expect(answer.searchParams.get('state')).toBe('first');
    const rest = await visitor.submit(crossed, { password: user.password });
    const consent = await visitor.submit(rest, {}, 'allow');
    const otherAnswer = new URL(consent.location ?? '');
    expect(otherAnswer.pathname).toBe('/other');
    expect(otherAnswer.searchParams.get('state')).toBe('second');
  });

  test('cannot be replayed once it is done', async () => {
    const visitor = new Visitor();
    const page = await visitor.submit(await visitor.open(request()), { email: user.email });
    const before = copyOf(visitor);
    expect((await visitor.submit(page, { password: user.password })).location).toContain('code=');
    expect((await before.open(page.url)).status).toBe(410);
    expect((await before.submit(page, { password: user.password })).status).toBe(410);
  });
});

test('a token of a signed-out session cannot be renewed', async () => {
  const visitor = new Visitor();
  const tokens = await tokensFor(latchkey.base, client, user, { scope: 'openid' }, visitor);
  const asked = await visitor.open(`${latchkey.base}/oidc/logout?client_id=${client.client_id}`);
  await visitor.submit(asked, {}, 'logout');
  expect(await silent(visitor)).toBe('login_required');
  const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  expect(userinfo.status).toBe(401);
});

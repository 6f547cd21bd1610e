/** Sign-outs at a provider: back-channel and front-channel logout end the sessions here that began with the ended one, and no others. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { fromUuid } from '#kernel/ids.ts';
import { eventsOf, travel } from '../../support/account.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { startLogoutListener, type LogoutListener } from '../../support/logout-listener.ts';
import { newcomer } from '../../support/registration.ts';
import { authorizeUrl, formsOf, pkce, post, tokensFor, Visitor } from '../../support/visitor.ts';

let it: Federation;
let listener: LogoutListener;
beforeAll(async () => {
  it = await startFederation();
  Object.assign(it.upstream.answers[`${it.upstream.url}/.well-known/openid-configuration`]!, {
    end_session_endpoint: `${it.upstream.url}/logout`,
  });
  listener = await startLogoutListener();
  await it.latchkey.run('connections.update', { connection: 'acme', links_by_email: true });
});
afterAll(async () => {
  await it.close();
  await listener.close();
});

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const seconds = () => Math.floor(Date.now() / 1000);
const at = (path: string) => `${it.latchkey.base}${path}`;
let count = 0;

/** A browser that signs in by the provider, in a session there of this name. */
async function signedIn(person: Record<string, unknown>, sid?: string, slug = 'acme'): Promise<Visitor> {
  const visitor = newcomer();
  it.tell({ ...person, ...(sid === undefined ? {} : { sid }) });
  const page = await it.pass(visitor, await it.begin(visitor), slug);
  expect(page.location).toContain('code=');
  return visitor;
}

async function isSignedIn(visitor: Visitor): Promise<boolean> {
  return new URL((await visitor.open(at('/account'))).url).pathname === '/account';
}

type Token = { claims?: Record<string, unknown>; header?: { typ?: string; alg?: string; kid?: string } };

async function logoutToken({ claims = {}, header = {} }: Token = {}): Promise<string> {
  count += 1;
  const all: Record<string, unknown> = {
    iss: it.upstream.url,
    aud: 'latchkey',
    iat: seconds(),
    exp: seconds() + 120,
    jti: `token-${count}`,
    events: { [EVENT]: {} },
    ...claims,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return it.upstream.sign(given, header);
}

const send = (token: string, slug = 'acme'): Promise<Response> =>
  fetch(at(`/federation/${slug}/backchannel-logout`), {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });

async function userOf(subject: string): Promise<{ id: string }> {
  const text = 'select user_id from user_identity where subject = $1';
  const [row] = await it.latchkey.app.database.sql<{ user_id: string }>(text, [subject]);
  return { id: fromUuid('usr', row!.user_id) };
}

const rowsOf = async (subject: string) =>
  it.latchkey.app.database.sql('select session_id from upstream_session where subject = $1', [subject]);

describe('a logout token', () => {
  test('with a session ends the session here that began with it, its tokens, and tells relying parties', async () => {
    const person = someone();
    const [first, second] = [await signedIn(person, 'first-session'), await signedIn(person, 'second-session')];
    const client = await it.latchkey.client({ first_party: true, backchannel_logout_uri: `${listener.url}/out` });
    const tokens = await tokensFor(it.latchkey.base, client, person as never, {}, first);
    const answer = await send(await logoutToken({ claims: { sid: 'first-session', sub: person.sub } }));
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect([await isSignedIn(first), await isSignedIn(second)]).toEqual([false, true]);
    const userinfo = await fetch(at('/oidc/userinfo'), { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect(userinfo.status).toBe(401);
    await listener.waitFor(1);
    expect(await eventsOf(it.latchkey, await userOf(person.sub))).toContain('session.ended');
    expect(await rowsOf(person.sub)).toHaveLength(1);
  });

  test('with a subject alone ends all sessions that began with it, and not those that began with a password', async () => {
    const person = someone();
    const [named, nameless] = [await signedIn(person, 'one'), await signedIn(person)];
    const stranger = await signedIn(someone(), 'one');
    const user = await it.latchkey.user({ email_verified: true });
    const own = newcomer();
    await tokensFor(it.latchkey.base, it.client, user, {}, own);
    expect((await send(await logoutToken({ claims: { sub: person.sub } }))).status).toBe(200);
    expect(await Promise.all([named, nameless, stranger, own].map(isSignedIn))).toEqual([false, false, true, true]);
  });

  test('ends a sign-in whose last redirect the browser still holds', async () => {
    const person = someone({ sid: 'held' });
    const visitor = newcomer();
    it.tell(person);
    const away = await it.press(visitor, await it.begin(visitor));
    const callback = await visitor.request(it.callback(away));
    const held = await visitor.request(new URL(callback.location ?? '', it.latchkey.base).href);
    expect(held.location).toMatch(/\/oidc\/auth\//);
    expect((await send(await logoutToken({ claims: { sid: 'held' } }))).status).toBe(200);
    const back = await visitor.open(new URL(held.location ?? '', it.latchkey.base).href);
    expect(back.location ?? '').not.toContain('code=');
    expect(await isSignedIn(visitor)).toBe(false);
  });

  test('of another connection, or of another issuer, ends nothing', async () => {
    const person = someone({ iss: it.upstream.url });
    await it.connect('other', { links_by_email: true });
    const visitor = await signedIn(person, 'of-acme');
    expect((await send(await logoutToken({ claims: { sid: 'of-acme' } }), 'other')).status).toBe(200);
    expect(await isSignedIn(visitor)).toBe(true);
  });

  test('counts once, on every connection once', async () => {
    const person = someone();
    const token = await logoutToken({ claims: { sub: person.sub } });
    expect([(await send(token)).status, (await send(token)).status]).toEqual([200, 400]);
  });

  const refused: [string, Token][] = [
    ['for another client', { claims: { aud: 'someone-else' } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['of yesterday', { claims: { iat: seconds() - 86_400, exp: undefined } }],
    ['that is over', { claims: { iat: seconds() - 280, exp: seconds() - 100 } }],
    ['without a time', { claims: { iat: undefined } }],
    ['from the future', { claims: { iat: seconds() + 3600 } }],
    ['without an identifier', { claims: { jti: undefined } }],
    ['with a nonce, as an ID token has', { claims: { nonce: 'n' } }],
    ['without events', { claims: { events: undefined } }],
    ['about something else', { claims: { events: { 'https://example.com/other': {} } } }],
    ['whose event is no object', { claims: { events: { [EVENT]: true } } }],
    ['that names nobody', { claims: { sub: undefined } }],
    ['whose subject is a number', { claims: { sub: 7 } }],
    ['of another type', { header: { typ: 'at+jwt' } }],
    ['with an unknown key', { header: { kid: 'unknown' } }],
  ];
  test('that is not good ends nothing', async () => {
    const person = someone();
    const visitor = await signedIn(person, 'stays');
    for (const [what, { claims, header = {} }] of refused) {
      const answer = await send(await logoutToken({ claims: { sub: person.sub, ...claims }, header }));
      expect([what, answer.status]).toEqual([what, 400]);
      expect(await answer.json()).toEqual({
        error: 'invalid_request',
        error_description: 'The logout token is not valid.',
      });
    }
    const unsigned = (await logoutToken({ claims: { sub: person.sub } })).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const token of [
      '',
      'x'.repeat(20_000),
      `${none}.${unsigned[1]}.`,
      `${unsigned[0]}.${unsigned[1]}.${'A'.repeat(342)}`,
    ])
      expect((await send(token)).status).toBe(400);
    expect(await isSignedIn(visitor)).toBe(true);
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: false });
    expect((await send(await logoutToken({ claims: { sub: person.sub } }))).status).toBe(400);
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: true });
    expect(await isSignedIn(visitor)).toBe(true);
  });
});

describe('front-channel logout', () => {
  const load = (query: Record<string, string>) =>
    fetch(at(`/federation/acme/frontchannel-logout?${new URLSearchParams(query).toString()}`));

  test('ends the session of this issuer and this name, if the name cannot be guessed', async () => {
    const sid = crypto.randomUUID();
    const [long, short] = [await signedIn(someone(), sid), await signedIn(someone(), 'short')];
    await load({ iss: 'https://other.example', sid });
    await load({ sid });
    await load({ iss: it.upstream.url });
    await load({ iss: it.upstream.url, sid: 'short' });
    expect([await isSignedIn(long), await isSignedIn(short)]).toEqual([true, true]);
    expect((await load({ iss: it.upstream.url, sid })).status).toBe(200);
    expect([await isSignedIn(long), await isSignedIn(short)]).toEqual([false, true]);
  });
});

test('what is kept of a session at the provider goes with the session here, and with a sign-in that was not finished', async () => {
  const { database } = it.latchkey.app;
  const [stays, ended, unfinished] = [someone(), someone(), someone()];
  const visitor = await signedIn(ended);
  await signedIn(stays);
  it.tell({ ...unfinished, email_verified: false });
  const other = newcomer();
  expect((await it.pass(other, await it.begin(other))).url).toMatch(/\/create$/);
  await visitor.submit(await visitor.open(at('/oidc/logout')), {}, 'logout');
  const left = async () =>
    (await Promise.all([stays, ended, unfinished].map(({ sub }) => rowsOf(sub)))).map(({ length }) => length);
  expect(await left()).toEqual([1, 1, 1]);
  await database.sql(`update upstream_session set checked_at = checked_at - interval '2 hours'`);
  await database.sql(`insert into latchkey_jobs.job (name) values ('clean-up')`);
  await expect.poll(left, { timeout: 60_000 }).toEqual([1, 0, 0]);
});

describe('a sign-out here', () => {
  /** Signs out at an application, with or without the box. */
  async function leave(visitor: Visitor, box: Record<string, string>, back = 'http://127.0.0.1:9/out') {
    const client = await it.latchkey.client({ post_logout_redirect_uris: [back] });
    const query = new URLSearchParams({
      client_id: client.client_id,
      post_logout_redirect_uri: back,
      state: 'at-home',
    });
    const page = await visitor.open(at(`/oidc/logout?${query.toString()}`));
    const [form] = formsOf(page);
    const answer = await visitor.request(form!.action, { form: { ...form!.fields, ...box, action: 'logout' } });
    return { page, location: new URL(answer.location ?? '', it.latchkey.base) };
  }
  const home = 'http://127.0.0.1:9/out?state=at-home';

  test('goes on at the provider if the user wants that, and then at the application', async () => {
    const visitor = await signedIn(someone());
    const { page, location } = await leave(visitor, { also: 'acme' });
    expect(page.text).toContain('Also sign out of <bdi>Acme</bdi>');
    expect(location.href).toContain(`${it.upstream.url}/logout?`);
    const asked = location.searchParams;
    expect(decodeJwt(asked.get('id_token_hint') ?? '')).toMatchObject({ iss: it.upstream.url });
    expect(asked.get('post_logout_redirect_uri')).toBe(at('/federation/acme/signed-out'));
    expect(await isSignedIn(visitor)).toBe(false);
    const back = await visitor.request(at(`/federation/acme/signed-out?state=${asked.get('state')}`));
    expect([back.status, back.location]).toEqual([303, home]);
    const elsewhere = await visitor.request(at(`/federation/other/signed-out?state=${asked.get('state')}`));
    expect(elsewhere.location).toBe(at('/oidc/logout/success'));
    travel(11 * MINUTE);
    const late = await visitor.request(at(`/federation/acme/signed-out?state=${asked.get('state')}`));
    expect(late.location).toBe(at('/oidc/logout/success'));
    vi.useRealTimers();
  });

  test('without a question offers the provider on the last page, once', async () => {
    const visitor = newcomer();
    it.tell(someone());
    const proof = pkce();
    const login = await visitor.open(authorizeUrl(it.latchkey.base, it.client, { code_challenge: proof.challenge }));
    const end = await it.pass(visitor, login);
    const { body } = await post(at('/oidc/token'), it.client, {
      grant_type: 'authorization_code',
      code: new URL(end.location ?? '').searchParams.get('code') ?? '',
      code_verifier: proof.verifier,
      redirect_uri: it.client.redirect_uris[0] ?? '',
    });
    const page = await visitor.open(
      at(`/oidc/logout?${new URLSearchParams({ id_token_hint: body.id_token }).toString()}`),
    );
    expect([new URL(page.url).pathname, page.text]).toEqual([
      '/oidc/logout/success',
      expect.stringContaining('Also sign out of <bdi>Acme</bdi>'),
    ]);
    expect(await isSignedIn(visitor)).toBe(false);
    const [form] = formsOf(page);
    const press = (ticket: string, slug = 'acme') =>
      visitor.request(at(`/federation/${slug}/sign-out`), { form: { ...form!.fields, ticket, action: 'logout' } });
    const away = new URL((await press(form!.fields['ticket'] ?? '')).location ?? '');
    expect(away.href).toContain(`${it.upstream.url}/logout?`);
    expect(decodeJwt(away.searchParams.get('id_token_hint') ?? '')).toMatchObject({ iss: it.upstream.url });
    const back = await visitor.request(at(`/federation/acme/signed-out?state=${away.searchParams.get('state')}`));
    expect(back.location).toBe(at('/oidc/logout/success'));
    expect((await visitor.open(at('/oidc/logout/success'))).text).not.toContain('Also sign out');
    for (const [ticket, slug] of [
      ['', 'acme'],
      ['x'.repeat(5000), 'acme'],
      [away.searchParams.get('state') ?? '', 'acme'],
      [form!.fields['ticket'] ?? '', 'other'],
    ] as const)
      expect((await press(ticket, slug)).location).toBe(at('/oidc/logout/success'));
    expect(
      (await new Visitor().request(at('/federation/acme/sign-out'), { form: { ticket: form!.fields['ticket'] ?? '' } }))
        .status,
    ).toBe(403);
    travel(11 * MINUTE);
    expect((await press(form!.fields['ticket'] ?? '')).location).toBe(at('/oidc/logout/success'));
    vi.useRealTimers();
  });

  test('ends here without the box, for another connection, and where the connection is not in use', async () => {
    for (const box of [{}, { also: 'other' }] as Record<string, string>[])
      expect((await leave(await signedIn(someone()), box)).location.href).toBe(home);
    const visitor = await signedIn(someone());
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: false });
    const { page, location } = await leave(visitor, { also: 'acme' });
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: true });
    expect(page.text).not.toContain('Also sign out');
    expect([location.href, await isSignedIn(visitor)]).toEqual([home, false]);
  });

  test('offers no provider to a user who signed in otherwise, or who stays', async () => {
    const [user, own] = [await it.latchkey.user({ email_verified: true }), newcomer()];
    await tokensFor(it.latchkey.base, it.client, user, {}, own);
    expect((await leave(own, { also: 'acme' })).location.href).toBe(home);
    const visitor = await signedIn(someone());
    const page = await visitor.open(at('/oidc/logout'));
    expect((await visitor.submit(page, { also: 'acme' }, 'stay')).url).toContain('/oidc/logout/success');
    expect(await isSignedIn(visitor)).toBe(true);
  });
});

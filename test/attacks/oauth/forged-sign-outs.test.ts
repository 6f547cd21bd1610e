import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, pkce, tokensFor, Visitor } from '../../support/visitor.ts';

/** A client that signs users out without a question, and what others make of that. */
const bye = 'https://house.example/bye';

let latchkey: TestApp;
let house: TestClient;
let stranger: TestClient;
let user: TestUser;
let mallory: TestUser;
let victim: Visitor;
let hint: string;

beforeAll(async () => {
  latchkey = await startTestApp();
  house = await latchkey.client({ name: 'House', first_party: true, post_logout_redirect_uris: [bye] });
  stranger = await latchkey.client({ name: 'Stranger', post_logout_redirect_uris: ['https://stranger.example/bye'] });
  [user, mallory] = [await latchkey.user(), await latchkey.user()];
});
beforeEach(async () => {
  victim = new Visitor();
  hint = (await tokensFor(latchkey.base, house, user, {}, victim)).id_token;
});
afterAll(() => latchkey.close());

const at = (parameters: Record<string, string> | [string, string][]) =>
  `${latchkey.base}/oidc/logout?${new URLSearchParams(parameters).toString()}`;
async function isSignedIn(): Promise<boolean> {
  const asked = { code_challenge: pkce().challenge, prompt: 'none' };
  const page = await victim.open(authorizeUrl(latchkey.base, house, asked));
  return new URL(page.location ?? '').searchParams.has('code');
}
const hintOf = async (who: TestUser, client = house, visitor = new Visitor()): Promise<string> =>
  (await tokensFor(latchkey.base, client, who, {}, visitor)).id_token;
/** The claims of one token under the signature of another. */
const spliced = (claims: string, signature: string): string =>
  [...claims.split('.').slice(0, 2), signature.split('.')[2]].join('.');

describe('a sign-out that another site begins', () => {
  test.each<[string, () => Promise<string>]>([
    ['a hint of the attacker', async () => at({ id_token_hint: await hintOf(mallory) })],
    ['a hint of the victim from another browser', async () => at({ id_token_hint: await hintOf(user) })],
    [
      'a hint of the victim for the client of the attacker',
      async () => at({ id_token_hint: await hintOf(user, stranger, victim), client_id: house.client_id }),
    ],
    [
      'the claims of the victim under a signature for the attacker',
      async () => at({ id_token_hint: spliced(hint, await hintOf(mallory)) }),
    ],
    [
      'two hints, one of them good',
      async () =>
        at([
          ['id_token_hint', await hintOf(mallory)],
          ['id_token_hint', hint],
        ]),
    ],
    ['no hint, and the answer of the form', async () => at({ client_id: house.client_id, logout: 'yes', xsrf: 'x' })],
    ['a name that only looks like the parameter', async () => at({ 'id_token_hint[]': hint, ID_TOKEN_HINT: hint })],
    [
      'a good hint with an address of the attacker',
      async () => at({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' }),
    ],
    [
      'a good hint with an address of another client',
      async () => at({ id_token_hint: hint, post_logout_redirect_uri: 'https://stranger.example/bye' }),
    ],
    ['a good hint and another client', async () => at({ id_token_hint: hint, client_id: stranger.client_id })],
  ])('%s: the user is asked, and redirected nowhere', async (_what, make) => {
    const page = await victim.open(await make());
    expect([page.status, page.location]).toEqual([200, null]);
    expect(formsOf(page)[0]?.buttons.map(({ value }) => value)).toContain('logout');
    expect(await isSignedIn()).toBe(true);
  });

  test.each(['Sec-Purpose', 'Purpose'])('a browser that fetches the link ahead (%s) ends nothing', async (name) => {
    await victim.request(at({ id_token_hint: hint, post_logout_redirect_uri: bye }), {
      headers: { [name]: 'prefetch' },
    });
    expect(await isSignedIn()).toBe(true);
  });

  test('HEAD ends nothing', async () => {
    const url = at({ id_token_hint: hint });
    await fetch(url, { method: 'HEAD', redirect: 'manual', headers: { cookie: victim.cookies(url) } });
    expect(await isSignedIn()).toBe(true);
  });
});

describe('a sign-out of the client itself', () => {
  test('is asked as soon as the client is first-party no more, is disabled or is gone', async () => {
    const own = await latchkey.client({ sign_out_unasked: true });
    const given = await hintOf(user, own, victim);
    const isAsked = async () => formsOf(await victim.open(at({ id_token_hint: given }))).length > 0;
    await latchkey.run('clients.update', { client_id: own.client_id, sign_out_unasked: null });
    expect(await isAsked()).toBe(true);
    await latchkey.run('clients.update', { client_id: own.client_id, sign_out_unasked: true });
    await latchkey.run('clients.disable', { client_id: own.client_id });
    expect(await isAsked()).toBe(true);
    await latchkey.run('clients.delete', { client_id: own.client_id });
    expect(await isAsked()).toBe(true);
    expect(await isSignedIn()).toBe(true);
  });

  test('twenty at once end one session, and each leads back', async () => {
    const url = at({ id_token_hint: hint, post_logout_redirect_uri: bye, state: 'st' });
    const cookie = victim.cookies(url);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fetch(url, { redirect: 'manual', headers: { cookie, accept: 'text/html' } })),
    );
    expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('location')}`))).toEqual(
      new Set([`303 ${bye}?state=st`]),
    );
    expect(await isSignedIn()).toBe(false);
  });

  test('cannot put anything into the address but its state', async () => {
    const state = 'x\r\nSet-Cookie: a=b&code=c#d';
    const left = await victim.request(at({ id_token_hint: hint, post_logout_redirect_uri: bye, state }));
    const target = new URL(left.location ?? '');
    expect([target.origin + target.pathname, [...target.searchParams.keys()], target.hash]).toEqual([
      bye,
      ['state'],
      '',
    ]);
    expect(left.headers.getSetCookie().some((line) => line.startsWith('a='))).toBe(false);
  });
});

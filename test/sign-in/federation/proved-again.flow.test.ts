/** A user of a session who must prove again who they are: in the way in which the session began, whatever others the account has. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { travel } from '../../support/account.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { passkeyVisits } from '../../support/passkey-visits.ts';
import { realmOf } from '../../support/realms.ts';
import { newcomer } from '../../support/registration.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let it: Federation;
beforeAll(async () => {
  it = await startFederation();
  const api = `${it.upstream.url}/oauth2`;
  it.upstream.answers[`${api}/token`] = { access_token: 'upstream-access-token', token_type: 'Bearer' };
  it.upstream.answers[`${api}/me`] = {
    sub: 'of-oauth2',
    name: 'Noor',
    email: 'noor@oauth2.example',
    email_verified: true,
  };
  await it.connect('plain', {
    provider: 'oauth2',
    issuer: undefined,
    authorization_endpoint: `${api}/authorize`,
    token_endpoint: `${api}/token`,
    userinfo_endpoint: `${api}/me`,
  });
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
/** The page without what differs with each request. */
const masked = ({ text }: Page): string =>
  text.replaceAll(
    /aria-hidden="true">\w\w<|<bdi>.*?<\/bdi>|\/interaction\/[\w-]+|nonce="[^"]+"|value="[\w.-]{20,}"|[\w.+-]+@\S+?\.(?:com|example)/g,
    '',
  );
const asked = ({ location }: Page): URLSearchParams => new URL(location ?? '').searchParams;

/** A browser with the session of a user who has nothing here but the account at the provider. */
async function signedIn(
  slug = 'acme',
  visitor = newcomer(),
): Promise<{ visitor: Visitor; person: ReturnType<typeof someone> }> {
  const person = someone();
  it.tell(person);
  expect(isDone(await it.pass(visitor, await it.begin(visitor), slug))).toBe(true);
  return { visitor, person };
}

describe('a user without a password', () => {
  test.each<Record<string, string>>([{ prompt: 'login' }, { max_age: '0' }])(
    'is asked by the provider again for %j',
    async (wish) => {
      const { visitor } = await signedIn();
      const away = await it.begin(visitor, wish);
      expect(away.location).toContain(`${it.upstream.url}/authorize?`);
      expect([asked(away).get('prompt'), asked(away).get('max_age')]).toEqual(['login', '0']);
      expect(isDone(await visitor.open(it.callback(away)))).toBe(true);
    },
  );

  test('is asked by the provider before a change of the account, and comes back to its page', async () => {
    const { visitor } = await signedIn();
    travel(20 * 60 * 1000);
    const away = await visitor.open(`${it.latchkey.base}/account/authenticator`);
    expect(asked(away).get('prompt')).toBe('login');
    const back = await visitor.open(it.callback(away));
    vi.useRealTimers();
    expect(pathOf(back)).toBe('/account/authenticator');
  });

  test('who turns back there has the buttons, and the other ways', async () => {
    const { visitor } = await signedIn();
    const callback = new URL(it.callback(await it.begin(visitor, { prompt: 'login' })));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    const login = await visitor.open(callback.href);
    expect(login.text).toContain('You cancelled signing in');
    const page = await visitor.open(login.url.replace(/\/login$/, ''));
    expect([pathOf(page), page.text.includes('/password"')]).toEqual([expect.stringMatching(/^\/federation/), true]);
  });

  test('sees the button of a provider that cannot ask again', async () => {
    const visitor = newcomer();
    const away = await it.press(visitor, await it.begin(visitor), 'plain');
    const back = `${it.latchkey.base}/federation/plain/callback?state=${asked(away).get('state')}&code=one`;
    expect(isDone(await visitor.open(back))).toBe(true);
    const page = await it.begin(visitor, { prompt: 'login' });
    expect([page.location, pathOf(page)]).toEqual([null, expect.stringMatching(/^\/federation/)]);
    expect(page.text).toContain('/federation/plain"');
  });

  test('of a connection of an organization is led there, whatever domain the address has', async () => {
    const acme = await realmOf(it);
    const person = someone();
    it.tell({ ...person, email: `${person.sub}@${acme.domain}` });
    const visitor = newcomer();
    const first = await it.begin(visitor, { connection: acme.connection });
    expect(isDone(await visitor.open(it.callback(first, acme.connection)))).toBe(true);
    await it.latchkey.app.database.sql(`update users set email = $2, email_canonical = $2 where email_canonical = $1`, [
      `${person.sub}@${acme.domain}`,
      `${person.sub}@elsewhere.example`,
    ]);
    const again = await it.begin(visitor, { prompt: 'login' });
    expect(asked(again).get('redirect_uri')).toContain(`/federation/${acme.connection}/`);
    await it.latchkey.run('connections.update', { connection: acme.connection, enabled: false });
    expect(pathOf(await it.begin(visitor, { prompt: 'login' }))).toBe('/password');
  });

  test('is asked for the passkey with which the session began', async () => {
    const user = await it.latchkey.user({ email_verified: true });
    const visits = passkeyVisits(it.latchkey, it.client);
    const authenticator = new Authenticator();
    await visits.enrol(user, authenticator);
    const visitor = new Visitor();
    expect(isDone(await visits.answer(visitor, await visits.atPasskey(visitor, user.email), authenticator))).toBe(true);
    expect(pathOf(await it.begin(visitor, { prompt: 'login' }))).toBe('/passkey');
  });

  test('gets a code by mail after a button, never by a link to here', async () => {
    await it.latchkey.run('settings.update', {
      name: 'signIn.methods',
      value: '["password","emailCode","federation"]',
    });
    const user = await it.latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const login = await visitor.submit(await it.begin(visitor), { email: user.email });
    const code = await visitor.open(login.url.replace(/password$/, 'email-code'));
    expect(isDone(await visitor.submit(code, { code: (await it.mails.next(user.email)).code }))).toBe(true);
    const sent = async () => (await it.mails.all()).filter(({ to }) => to === user.email).length;
    const before = await sent();
    const again = await it.begin(visitor, { prompt: 'login' });
    expect([pathOf(again), again.text.includes(`value="${user.email}"`)]).toEqual(['/login', true]);
    const page = await visitor.submit(again, { email: user.email });
    expect(pathOf(page)).toBe('/email-code');
    await expect.poll(sent).toBe(before + 1);
  });
});

describe('a browser with a session learns nothing about other accounts', () => {
  test('from an address that is typed, or named by the application', async () => {
    const { visitor } = await signedIn();
    const { person } = await signedIn();
    const page = await it.begin(visitor, { prompt: 'login', login_hint: person.email });
    const unknown = await it.begin(visitor, { prompt: 'login', login_hint: 'nobody-1@upstream.example' });
    expect([pathOf(page), masked(page)]).toEqual([pathOf(unknown), masked(unknown)]);
    const [typed, other] = [
      await visitor.submit(page, { email: person.email }),
      await visitor.submit(unknown, { email: 'nobody-1@upstream.example' }),
    ];
    expect([pathOf(typed), masked(typed)]).toEqual([pathOf(other), masked(other)]);
    expect(pathOf(typed)).toBe('/password');
  });
});

/** A user with everything open in several browsers, and how to see what is left of it. */
import { expect } from 'vitest';
import { byUser } from '#audit/module.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Ending } from '#oidc/module.ts';
import type { Purpose } from '../../src/credentials/one-time/one-time-secret.ts';
import type { TestApp, TestClient, TestUser } from './app.ts';
import { codeBack, walk } from './mfa.ts';
import { post, tokensFor, Visitor } from './visitor.ts';

export type Person = TestUser & { key: string };
type Tokens = { access_token: string; refresh_token: string };
export type Holder = {
  user: Person;
  /** In their own browser, from which most acts come. */
  owner: Visitor;
  /** Signed in in another browser, which may be an intruder's. */
  other: Visitor;
  /** Of the client with `offline_access`, allowed in the other browser. */
  offline: Tokens;
  trust(): Promise<void>;
};

/** Each thing that a user may hold, and whether it is still good after an act that ends this much. */
export const columns = {
  'session of this browser': ({ sessions }) => sessions !== 'all',
  'session of another browser': ({ sessions }) => sessions === undefined,
  'token of the session of this browser': ({ grants }) => grants !== 'all',
  'token of the session of another browser': ({ grants = '' }) =>
    !['all', 'all outside the current session', 'all of the session'].includes(grants),
  'token for longer than the session': ({ grants = 'all of the session' }) => grants === 'all of the session',
  'half of a sign-in': ({ signIns }) => signIns === undefined,
  'link that sets a password': ({ links = '' }) => !['all', 'proofs'].includes(links),
  'link that changes the address': ({ links = '' }) => !['all', 'proofs'].includes(links),
  'second-factor code': ({ links }) => links === undefined,
  'link that takes an address back': ({ links }) => links !== 'all',
  'link that locks the account': ({ links }) => links !== 'all',
  'trusted browser': ({ trustedBrowsers }) => trustedBrowsers === undefined,
  'known browser': ({ knownBrowsers }) => knownBrowsers === undefined,
  'passkey challenge': ({ passkeyChallenges }) => passkeyChallenges === undefined,
  'records of sessions': ({ records }) => records === undefined,
} as const satisfies Record<string, (ending: Ending) => boolean>;
type Left = Record<keyof typeof columns, boolean>;

export const leftAfter = (ending: Ending): Left =>
  Object.fromEntries(Object.entries(columns).map(([name, isLeft]) => [name, isLeft(ending)])) as Left;

const device = { ip: '192.0.2.7', userAgent: 'Firefox', requestId: 'req' };

export function holdings(latchkey: TestApp, { forLonger, ofSession }: Record<'forLonger' | 'ofSession', TestClient>) {
  const at = (path: string) => `${latchkey.base}${path}`;
  const { database, credentials } = latchkey.app;
  const steps = walk(latchkey, ofSession);

  async function signedIn(user: Person): Promise<Visitor> {
    const visitor = new Visitor();
    let page = await visitor.submit(await visitor.open(at('/account')), { email: user.email });
    page = await visitor.submit(page, { password: user.password });
    page = await visitor.submit(page, { code: await steps.codeAgain(user) });
    expect(page.url).toBe(at('/account'));
    return visitor;
  }

  async function issue(user: Person, purpose: Purpose, data: Record<string, unknown> = {}): Promise<string> {
    const holder = { userId: user.id as never };
    const secret = { purpose, holder, address: user.email, form: 'link', data, keepsOlder: true } as const;
    const { link } = await database.transaction((em) => credentials.oneTimeSecrets.issue(em, secret));
    return link ?? '';
  }

  async function isGood({ access_token: token }: Tokens): Promise<boolean> {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(at('/oidc/userinfo'), { headers })).status === 200;
  }

  async function hold(): Promise<Holder & { look(): Promise<Left> }> {
    const user = await steps.withApp({ email_verified: true });
    const id = user.id as never;
    const trust = async () =>
      void (await credentials.trustedDevices.trust(
        { id, status: 'active', roles: [], permissions: [] },
        undefined,
        byUser(id, device),
      ));
    const other = await signedIn(user);
    const asked = { scope: 'openid offline_access', prompt: 'consent' };
    const offline: Tokens = await tokensFor(latchkey.base, forLonger, user, asked, other);
    const ofOther = await tokensFor(latchkey.base, ofSession, user, {}, other);
    const owner = await signedIn(user);
    const ofOwner = await tokensFor(latchkey.base, ofSession, user, {}, owner);
    const half = await steps.afterPassword(user);
    await trust();
    const knownBrowsers = async () => {
      const text = `select encode(secret_hash, 'hex') as hash from known_device where user_id = $1`;
      return (await database.sql<{ hash: string }>(text, [toUuid(id)])).map(({ hash }) => hash);
    };
    const known = await knownBrowsers();
    expect(known.length).toBeGreaterThan(0);
    const links = {
      'link that sets a password': ['password_reset', await issue(user, 'password_reset')],
      'link that changes the address': ['change_email', await issue(user, 'change_email')],
      'second-factor code': ['second_factor', await issue(user, 'second_factor')],
      'link that takes an address back': [
        'revert_email',
        await issue(user, 'revert_email', { at: new Date().toISOString() }),
      ],
      'link that locks the account': ['end_sign_in', await issue(user, 'end_sign_in')],
    } as const;
    const isOpen = async (name: keyof typeof links) => {
      const [purpose, link] = links[name];
      return (await credentials.oneTimeSecrets.findByLink(purpose, link)) !== null;
    };
    const challenge = await credentials.webauthnChallenges.issue({
      purpose: 'register',
      binding: 'a page',
      userId: id,
    });
    const holder = { user, owner, other, offline, trust };
    return {
      ...holder,
      async look() {
        const refresh = { grant_type: 'refresh_token', refresh_token: offline.refresh_token };
        return {
          'session of this browser': (await owner.open(at('/account'))).url === at('/account'),
          'session of another browser': (await other.open(at('/account'))).url === at('/account'),
          'token of the session of this browser': await isGood(ofOwner),
          'token of the session of another browser': await isGood(ofOther),
          'token for longer than the session':
            (await isGood(offline)) || (await post(at('/oidc/token'), forLonger, refresh)).status === 200,
          'half of a sign-in':
            codeBack(await half.visitor.submit(half.page, { code: await steps.codeAgain(user) })) !== null,
          'link that sets a password': await isOpen('link that sets a password'),
          'link that changes the address': await isOpen('link that changes the address'),
          'second-factor code': await isOpen('second-factor code'),
          'link that takes an address back': await isOpen('link that takes an address back'),
          'link that locks the account': await isOpen('link that locks the account'),
          'trusted browser': (await credentials.trustedDevices.list(id)).length > 0,
          'known browser': (await knownBrowsers()).some((hash) => known.includes(hash)),
          'passkey challenge':
            (await database.transaction((em) =>
              credentials.webauthnChallenges.consume(em, challenge, { purpose: 'register', binding: 'a page' }),
            )) !== null,
          'records of sessions':
            (await database.sql('select 1 from oidc_artifact where account_id = $1 limit 1', [id])).length > 0,
        };
      },
    };
  }
  return { hold, issue, signedIn, steps };
}

/** Each act ends what another person may hold: a row for each act, a column for each kind of thing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Purpose } from '../../../src/credentials/one-time/one-time-secret.ts';
import { send } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, walk } from '../../support/mfa.ts';
import { post, tokensFor, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let shop: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  shop = await latchkey.client({ first_party: true });
  steps = walk(latchkey, shop);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
const newPassword = 'several entirely new words 77';
const device = { ip: '192.0.2.7', userAgent: 'Firefox', requestId: 'req' };

type Person = TestUser & { key: string };
/** What is still good after an act. */
type Left = Record<'session' | 'refresh' | 'half' | 'trusted' | 'reset' | 'change' | 'revert' | 'not me', boolean>;
const nothing: Left = {
  session: false,
  refresh: false,
  half: false,
  trusted: false,
  reset: false,
  change: false,
  revert: false,
  'not me': false,
};
const everything = Object.fromEntries(Object.keys(nothing).map((name) => [name, true])) as Left;
/** The links that take power away from an intruder are nobody's to kill but an operator's. */
const onlyWaysBack = { ...nothing, revert: true, 'not me': true };

async function signedIn(user: Person): Promise<Visitor> {
  const visitor = new Visitor();
  let page = await visitor.submit(await visitor.open(at('/account')), { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  page = await visitor.submit(page, { code: await steps.codeAgain(user) });
  expect(page.url).toBe(at('/account'));
  return visitor;
}

async function issue(user: Person, purpose: Purpose, data: Record<string, unknown> = {}): Promise<string> {
  const { link } = await latchkey.app.database.transaction((em) =>
    latchkey.app.credentials.oneTimeSecrets.issue(em, {
      purpose,
      holder: { userId: user.id as never },
      address: user.email,
      form: 'link',
      data,
      keepsOlder: true,
    }),
  );
  return link ?? '';
}

/** A person of whom everything is open, and how to see what is left of it. */
async function prepare(): Promise<{ user: Person; owner: Visitor; look(): Promise<Left> }> {
  const user = await steps.withApp({ email_verified: true });
  const id = user.id as never;
  const { credentials } = latchkey.app;
  const other = await signedIn(user);
  const asked = { scope: 'openid offline_access', prompt: 'consent' };
  const tokens = await tokensFor(latchkey.base, shop, user, asked, other);
  const owner = await signedIn(user);
  const half = await steps.afterPassword(user);
  await credentials.trustedDevices.trust({ id, status: 'active', roles: [] }, undefined, device);
  const links = {
    reset: await issue(user, 'password_reset'),
    change: await issue(user, 'change_email'),
    revert: await issue(user, 'revert_email', { at: new Date().toISOString() }),
    'not me': await issue(user, 'end_sign_in'),
  };
  const purposes = {
    reset: 'password_reset',
    change: 'change_email',
    revert: 'revert_email',
    'not me': 'end_sign_in',
  } as const;
  const isOpen = async (name: keyof typeof purposes) =>
    (await credentials.oneTimeSecrets.findByLink(purposes[name], links[name])) !== null;
  return {
    user,
    owner,
    async look() {
      const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      return {
        session: (await other.open(at('/account'))).url === at('/account'),
        refresh: (await post(at('/oidc/token'), shop, refresh)).status === 200,
        half: codeBack(await half.visitor.submit(half.page, { code: await steps.codeAgain(user) })) !== null,
        trusted: (await credentials.trustedDevices.list(id)).length > 0,
        reset: await isOpen('reset'),
        change: await isOpen('change'),
        revert: await isOpen('revert'),
        'not me': await isOpen('not me'),
      };
    },
  };
}

type Act = (person: { user: Person; owner: Visitor }) => Promise<unknown>;

const done = (status: number) => expect(status).toBe(303);
const acts: Record<string, [Act, Left]> = {
  'nothing done': [async () => undefined, everything],
  'a password changed on the account page': [
    async ({ user, owner }) =>
      done((await send(owner, at('/account/password'), { current: user.password, password: newPassword })).status),
    onlyWaysBack,
  ],
  'a password reset by mail': [
    async ({ user }) => {
      const browser = new Visitor();
      await browser.submit(await browser.open(at('/recovery')), { email: user.email });
      const { link } = await mails.next(user.email, /password/i);
      const page = await browser.submit(await browser.open(link), { password: newPassword });
      expect(page.url).toBe(at('/recovery/done'));
    },
    onlyWaysBack,
  ],
  '“this was not me” on the account page': [
    async ({ owner }) => done((await send(owner, at('/account/activity/not-me'))).status),
    onlyWaysBack,
  ],
  'factors taken away by an operator': [
    async ({ user }) => latchkey.run('user.reset-mfa', { id: user.id, reason: 'lost phone' }),
    { ...onlyWaysBack, reset: true, change: true },
  ],
  'an app removed by its owner': [
    async ({ owner }) => done((await send(owner, at('/account/authenticator/remove'))).status),
    { ...everything, trusted: false },
  ],
  'a first address changed': [
    async ({ owner }) => {
      const to = `new${performance.now()}@example.com`;
      const page = await owner.submit(await owner.open(at('/account/emails/change')), { email: to });
      done(
        (await owner.request(page.url, { form: await formWith(owner, page.url, (await mails.next(to)).code) })).status,
      );
    },
    { ...everything, reset: false, change: false },
  ],
  'a first address taken back': [
    async ({ user }) => {
      // A moment later than all that is open: times are kept in milliseconds.
      const link = await issue(user, 'revert_email', { at: new Date(Date.now() + 5).toISOString() });
      const browser = new Visitor();
      const page = await browser.open(at(`/verification/revert?token=${link}`));
      expect((await browser.submit(page, {}, 'confirm')).url).toBe(at('/verification/reverted'));
    },
    // The older links stay: whoever uses a later one may be the intruder.
    onlyWaysBack,
  ],
  'an account disabled, and enabled again': [
    async ({ user }) => {
      await latchkey.run('user.disable', { id: user.id });
      await latchkey.run('user.enable', { id: user.id });
    },
    nothing,
  ],
  'an account closed by its owner': [
    async ({ user, owner }) => done((await send(owner, at('/account/close'), { email: user.email })).status),
    { ...everything, session: false, refresh: false, half: false },
  ],
};

async function formWith(visitor: Visitor, url: string, code: string): Promise<Record<string, string>> {
  const csrf = /name="csrf" value="([^"]+)"/.exec((await visitor.open(url)).text)?.[1] ?? '';
  return { csrf, code };
}

test.each(Object.entries(acts))('%s', async (_what, [act, left]) => {
  const { look, ...person } = await prepare();
  await act(person);
  expect(await look()).toEqual(left);
});

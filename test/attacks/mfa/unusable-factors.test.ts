/** A second factor that cannot be used now is not one that never was: a password alone gets no further than before. */
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { byUser } from '#audit/module.ts';
import { toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, isAt, keyOn, walk } from '../../support/mfa.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

const YUBIKEY = '2fc0579f-8113-47ea-b116-bb5a8db9202a';
const defaults = {
  'mfa.enforcement': 'optional',
  'mfa.factors': ['passkey', 'totp'],
  'passkeys.enabled': true,
  'passkeys.allowedAuthenticators': [],
  'risk.rules': [],
};

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;
let visits: ReturnType<typeof passkeyVisits>;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'risk.rules': [] } });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
  visits = passkeyVisits(latchkey, client);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});
afterEach(async () => {
  for (const [name, value] of Object.entries(defaults)) await set(name, value);
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const essential = (level: number) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, value: `urn:latchkey:acr:${level}` } } }),
});

type Holder = TestUser & { authenticator: Authenticator; codes: readonly string[] };
/** A user with a password and a passkey, and recovery codes if they are wanted. */
async function holder({ codes = true, ...given }: { codes?: boolean; administrator?: boolean } = {}): Promise<Holder> {
  const user = await latchkey.user({ email_verified: true, ...given });
  const authenticator = new Authenticator();
  expect(visits.codeIn(await visits.enrol(user, authenticator))).not.toBeNull();
  return { ...user, authenticator, codes: codes ? await steps.withRecoveryCodes(user) : [] };
}

async function useUpCodes({ id }: TestUser): Promise<void> {
  await latchkey.app.database.sql(`update recovery_codes set hashes = '{}' where user_id = $1`, [toUuid(id as never)]);
}

/** How a passkey comes to be in each state. */
const states = {
  stopped: async ({ authenticator, email, id }: Holder) => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor, email);
    const refused = await visits.answer(visitor, page, authenticator, { signCount: 0 });
    expect(visits.codeIn(refused)).toBeNull();
    await stateIs(id, 'stopped');
  },
  model_not_allowed: async ({ id }: Holder) => {
    await set('passkeys.allowedAuthenticators', [YUBIKEY]);
    await stateIs(id, 'model_not_allowed');
  },
  switched_off: async ({ id }: Holder) => {
    await set('passkeys.enabled', false);
    await stateIs(id, 'switched_off');
  },
  'no second factor': async () => void (await set('mfa.factors', ['totp'])),
} satisfies Record<string, (user: Holder) => Promise<void>>;
const unusable = Object.keys(states) as (keyof typeof states)[];

async function stateIs(id: string, state: string): Promise<void> {
  const { credentials } = await latchkey.run<{ credentials: { method: string; state: string }[] }>('users.read', {
    user_id: id,
  });
  expect(credentials.find(({ method }) => method === 'passkey')?.state).toBe(state);
}

/** No page of adding a factor opens, whether it is asked for or posted. */
async function addsNothing(visitor: Visitor, page: Page): Promise<void> {
  const path = page.url.replace(/\/second-factor.*$/, '');
  const csrf = formsOf(page).find(({ fields }) => 'csrf' in fields)?.fields['csrf'] ?? '';
  for (const where of ['enrol-factor', 'enrol-factor/totp', 'enrol-factor/passkey', 'offer-passkey']) {
    const seen = await visitor.open(`${path}/${where}`);
    expect([keyOn(seen), isAt(seen, where)], where).toEqual(['', false]);
    const posted = await visitor.request(`${path}/${where}`, { form: { csrf, method: 'totp', action: 'skip' } });
    expect(posted.location, where).toBe(path);
  }
}

describe.each(unusable)('a passkey that is %s', (state) => {
  test.each(['optional', 'required', 'administrators'])(
    'with recovery codes, enforcement %s: a code is required, and no factor is added before it',
    async (enforcement) => {
      const user = await holder({ administrator: enforcement === 'administrators' });
      await set('mfa.enforcement', enforcement);
      await states[state](user);
      const { visitor, page } = await steps.afterPassword(user);
      expect(isAt(page, '/second-factor/recovery-code')).toBe(true);
      await addsNothing(visitor, page);
      const next = await visitor.submit(await visitor.open(page.url), { code: user.codes[0] ?? '' });
      if (enforcement === 'optional') expect(codeBack(next)).not.toBeNull();
      else expect(next.url).toContain('/enrol-factor');
    },
  );

  test.each(['optional', 'required'])(
    'without recovery codes, enforcement %s: the page refers to the help of the operator, and adds nothing',
    async (enforcement) => {
      const user = await holder();
      await useUpCodes(user);
      await set('mfa.enforcement', enforcement);
      await states[state](user);
      const { visitor, page } = await steps.afterPassword(user);
      expect(isAt(page, '/second-factor/methods')).toBe(true);
      // A user of no organization has no administrator to ask.
      expect(page.text).not.toMatch(/administrator|Get help/);
      await addsNothing(visitor, page);
      await latchkey.run('settings.update', { name: 'branding.helpUrl', value: '"mailto:help@fernway.example"' });
      expect((await visitor.open(page.url)).text).toContain('href="mailto:help@fernway.example">Get help');
      await latchkey.run('settings.reset', { name: 'branding.helpUrl' });
    },
  );

  test('without enforcement: the password signs in, and does not reach level 2', async () => {
    const user = await holder();
    await useUpCodes(user);
    await set('mfa.enforcement', 'off');
    await states[state](user);
    expect(codeBack((await steps.afterPassword(user)).page)).not.toBeNull();
    const { visitor, page } = await steps.afterPassword(user, undefined, essential(2));
    expect(isAt(page, '/second-factor/methods')).toBe(true);
    await addsNothing(visitor, page);
  });

  test.each([2, 3])('alone, when a relying party requires level %i: no factor is added', async (level) => {
    const user = await holder({ codes: false });
    await states[state](user);
    const { visitor, page } = await steps.afterPassword(user, undefined, essential(level));
    expect(isAt(page, '/second-factor/methods')).toBe(true);
    await addsNothing(visitor, page);
  });

  test('alone, in an unusual sign-in: the mailbox does not replace it', async () => {
    const user = await holder({ codes: false });
    await set('risk.rules', [{ signals: ['new_device'], actions: ['second_factor'] }]);
    await states[state](user);
    const { page } = await steps.afterPassword(user);
    expect(isAt(page, '/second-factor/methods')).toBe(true);
  });

  test('the account pages require level 2 before a factor is added', async () => {
    const user = await holder({ codes: false });
    await states[state](user);
    const { visitor, page } = await steps.afterPassword(user);
    expect(codeBack(page)).not.toBeNull();
    for (const path of ['authenticator', 'passkeys/new', 'recovery-codes', 'password'])
      expect(isAt(await visitor.open(`${latchkey.base}/account/${path}`), '/second-factor/methods'), path).toBe(true);
  });

  test('an app beside it still works, and gives level 2', async () => {
    const user = await holder({ codes: false });
    const key = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    await latchkey.app.database.transaction((em) =>
      latchkey.app.credentials.totp.import(em, user.id as never, { secret: key }),
    );
    await states[state](user);
    const { verifier, challenge } = pkce();
    const visitor = new Visitor();
    const url = authorizeUrl(latchkey.base, client, { code_challenge: challenge, ...essential(2) });
    const named = await visitor.submit(await visitor.open(url), { email: user.email });
    const page = await visitor.submit(named, { password: user.password });
    expect(isAt(page, '/second-factor/totp')).toBe(true);
    const done = await visitor.submit(page, { code: codeOf(key) });
    const { body } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code: codeBack(done) ?? '',
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    expect(decodeJwt(body.id_token)).toMatchObject({ acr: 'urn:latchkey:acr:2', amr: ['pwd', 'otp', 'mfa'] });
  });
});

describe('a passkey that cannot be used', () => {
  test.each(['stopped', 'model_not_allowed', 'switched_off'] as const)('%s: signs in no user', async (state) => {
    const user = await holder();
    await states[state](user);
    const visitor = new Visitor();
    const first = await visitor.open(visits.start());
    const page = await visitor.open(first.url.replace(/login$/, 'passkey'));
    if (state === 'switched_off') return expect(isAt(page, '/login')).toBe(true);
    const answer = await visitor.submit(page, {
      credential: user.authenticator.get(optionsOn(page), latchkey.base),
      who: 'anyone',
    });
    expect([answer.isRefused, codeBack(answer)]).toEqual([true, null]);
  });

  test('works again when the policy is restored', async () => {
    const user = await holder();
    await states.model_not_allowed(user);
    await set('passkeys.allowedAuthenticators', []);
    await stateIs(user.id, 'active');
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor, user.email);
    expect(visits.codeIn(await visits.answer(visitor, page, user.authenticator))).not.toBeNull();
  });

  test('invalidates a trusted browser', async () => {
    const user = await holder();
    const { visitor, page } = await steps.afterPassword(user);
    expect(isAt(page, '/second-factor/passkey')).toBe(true);
    const secret = await latchkey.app.credentials.trustedDevices.trust(
      { id: user.id as never, status: 'active', roles: [], permissions: [] },
      undefined,
      byUser(user.id as never),
    );
    visitor.jar.set('trusted', { name: 'latchkey-trusted', value: secret ?? '', path: '/' });
    expect(codeBack((await steps.afterPassword(user, visitor)).page)).not.toBeNull();
    await states.model_not_allowed(user);
    expect(isAt((await steps.afterPassword(user, visitor)).page, '/second-factor/recovery-code')).toBe(true);
  });
});

describe('a deleted passkey', () => {
  test('deleted by its owner: the password signs in, and a factor is added if one is required', async () => {
    const user = await holder();
    const [passkey] = await latchkey.app.credentials.passkeys.list(user.id as never);
    await latchkey.app.credentials.passkeys.remove(user.id as never, passkey!.id, { actor: { type: 'system' } });
    expect(codeBack((await steps.afterPassword(user)).page)).not.toBeNull();
    await set('mfa.enforcement', 'required');
    expect((await steps.afterPassword(user)).page.url).toContain('/enrol-factor');
  });

  test('deleted by the operator: the mailbox is asked in addition to the password, then the user is signed in', async () => {
    const user = await holder();
    await useUpCodes(user);
    await states.stopped(user);
    await latchkey.run('users.reset_mfa', { user_id: user.id, reason: 'seen at the desk' });
    const { visitor, page } = await steps.afterPassword(user);
    expect(isAt(page, '/second-factor/email')).toBe(true);
    const sent = await visitor.submit(page);
    const { code } = await mails.next(user.email, /\d{3}/);
    expect(codeBack(await visitor.submit(sent, { code }))).not.toBeNull();
  });
});

test('an operator sees the state of every credential, and in the list which users have usable factors', async () => {
  const [user, nobody] = [await holder(), await latchkey.user()];
  await states.stopped(user);
  const shown = await latchkey.run('users.read', { user_id: user.id });
  expect(shown).toMatchObject({
    id: user.id,
    credentials: [
      { method: 'password', state: 'active' },
      { method: 'passkey', state: 'stopped' },
      { method: 'recovery-code', left: 10 },
    ],
  });
  const { users } = await latchkey.run<{ users: { id: string; second_factor: string }[] }>('users.list');
  const stateOf = (id: string) => users.find((one) => one.id === id)?.second_factor;
  expect([stateOf(user.id), stateOf(nobody.id)]).toEqual(['unusable', 'none']);
});

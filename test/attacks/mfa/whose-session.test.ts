/** The session of one user counts for nothing in the sign-in of another user in the same browser. */
import { decodeJwt } from 'jose';
import { HOUR } from '#kernel/clock.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { travel } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, isAt, keyOn, walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;
let strict: TestClient;
let thirdParty: TestClient;
let steps: ReturnType<typeof walk>;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: {
      'risk.rules': [{ signals: ['new_device'], actions: ['second_factor'] }],
      'registration.mode': 'open',
    },
  });
  client = await latchkey.client({ first_party: true });
  strict = await latchkey.client({ first_party: true, minimum_acr: 'urn:latchkey:acr:2' });
  thirdParty = await latchkey.client();
  steps = walk(latchkey, client);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

afterEach(() => void vi.useRealTimers());

const acr = (level: number) => `urn:latchkey:acr:${level}`;
const essential = { claims: JSON.stringify({ id_token: { acr: { essential: true, value: acr(2) } } }) };
const wished = { acr_values: acr(2) };

/** A browser in which this user signed in with the code of a mail. */
async function byMail({ email }: TestUser): Promise<Visitor> {
  const visitor = new Visitor();
  const asked = await visitor.submit(await visitor.open(steps.url()), { email });
  const page = await visitor.open(asked.url.replace(/\/password$/, '/email-code'));
  const done = await visitor.submit(page, { code: (await mails.next(email, /\d{3}/)).code });
  expect(codeBack(done)).not.toBeNull();
  return visitor;
}

/** The address of a sign-in that has just begun, and the token that forms of this browser carry. */
async function begin(
  visitor: Visitor,
  extra: Record<string, string> = {},
  of: TestClient = client,
): Promise<{ path: string; csrf: string; verifier: string }> {
  const { verifier, challenge } = pkce();
  const first = await visitor.request(authorizeUrl(latchkey.base, of, { code_challenge: challenge, ...extra }));
  const path = first.location ?? '';
  expect(path).toMatch(/\/interaction\/[\w-]+$/);
  // This page of a sign-in shows a form in almost every state of it.
  const page = await visitor.open(`${path}/login`);
  const csrf = formsOf(page).find(({ fields }) => 'csrf' in fields)?.fields['csrf'] ?? '';
  return { path, csrf, verifier };
}

/** Posts as if the page had been shown, and answers with where the dispatcher leads then. */
async function postOutOfTurn(visitor: Visitor, url: string, form: Record<string, string>): Promise<Page> {
  const answer = await visitor.request(url, { form });
  expect([303, 302]).toContain(answer.status);
  return answer;
}

async function idToken(page: Page, verifier: string, of = client) {
  const { body } = await post(`${latchkey.base}/oidc/token`, of, {
    grant_type: 'authorization_code',
    code: codeBack(page) ?? '',
    redirect_uri: of.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  return decodeJwt(body.id_token);
}

describe('an attacker’s session by mail, and the password of a victim', () => {
  let attacker: TestUser;
  let victim: TestUser;
  let browser: Visitor;
  beforeEach(async () => {
    attacker = await latchkey.user({ email_verified: true });
    victim = await latchkey.user({ email_verified: true });
    // From here on a sign-in in another browser is odd.
    await steps.afterPassword(victim);
    browser = await byMail(attacker);
  });

  /** Every way to name another user in this sign-in, one after the other, without a look at the dispatcher between them. */
  async function sayVictim(path: string, csrf: string): Promise<Page> {
    await browser.request(`${path}/account`, { form: { csrf, account: 'another' } });
    await browser.request(`${path}/login`, { form: { csrf, email: victim.email } });
    return browser.open(`${path}/password`, { csrf, email: victim.email, password: victim.password });
  }

  test.each([
    ['level 2 is wished for', () => ({ extra: wished, of: client })],
    ['level 2 is a must', () => ({ extra: essential, of: client })],
    ['the client demands level 2', () => ({ extra: {}, of: strict })],
  ])('when %s: the unusual sign-in asks for the victim’s mailbox, and adds no factor', async (_title, asked) => {
    const { extra, of } = asked();
    const { path, csrf } = await begin(browser, extra, of);
    const page = await sayVictim(path, csrf);
    expect(codeBack(page)).toBeNull();
    expect(isAt(page, '/second-factor/email')).toBe(true);
    for (const way of ['enrol-factor', 'enrol-factor/totp', 'enrol-factor/passkey'])
      expect(isAt(await browser.open(`${path}/${way}`), '/second-factor/email'), way).toBe(true);
    const found = await latchkey.app.database.sql(
      `select 1 from audit_record where type = 'user.signed_in' and subject_id = $1`,
      [victim.id],
    );
    expect(found).toHaveLength(1);
  });

  test('asks for the victim’s app, and the level is the victim’s level', async () => {
    const { key, ...careful } = await steps.withApp({ email_verified: true });
    await steps.afterPassword(careful);
    victim = careful;
    const { path, csrf, verifier } = await begin(browser, essential);
    const page = await sayVictim(path, csrf);
    expect(isAt(page, '/second-factor/totp')).toBe(true);
    let end = await browser.submit(page, { code: codeOf(key) });
    // The engine signs the other user out first.
    if (!end.location) end = await browser.submit(end);
    const token = await idToken(end, verifier);
    expect(token).toMatchObject({ sub: victim.id, acr: acr(2), amr: ['pwd', 'otp', 'mfa'] });
  });

  test('a choice that no page offers is not recorded: the session stays the one that steps up', async () => {
    const { path, csrf } = await begin(browser, essential);
    const answer = await postOutOfTurn(browser, `${path}/account`, { csrf, account: 'another' });
    expect(answer.location).toBe(path);
    expect(isAt(await browser.open(path), '/enrol-factor')).toBe(true);
    expect((await browser.open(path)).text).toContain(attacker.email.split('@')[0]);
    const guess = { csrf, email: victim.email, password: victim.password };
    expect((await postOutOfTurn(browser, `${path}/password`, guess)).location).toBe(path);
    expect((await browser.open(path)).text).toContain(attacker.email.split('@')[0]);
  });
});

test('a user’s own session by mail is not a second factor beside the password', async () => {
  const { key: _key, ...user } = await steps.withApp({ email_verified: true });
  await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"off"' });
  const visitor = await byMail(user);
  const { path, csrf } = await begin(visitor, essential);
  await visitor.open(`${path}/account`, { csrf, account: 'another' });
  await visitor.open(`${path}/login`, { csrf, email: user.email });
  const page = await visitor.open(`${path}/password`, { csrf, email: user.email, password: user.password });
  await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"optional"' });
  expect(codeBack(page)).toBeNull();
  expect(isAt(page, '/second-factor/totp')).toBe(true);
});

test('a user whose browser has another user’s session signs in as themselves from a step-up request', async () => {
  const { key, ...alice } = await steps.withApp({ email_verified: true });
  const mallory = await latchkey.user({ email_verified: true });
  const visitor = await byMail(mallory);
  const { path, verifier } = await begin(visitor, essential);
  const named = await visitor.submit(await visitor.open(`${path}/login`), { email: alice.email });
  expect(isAt(named, '/password')).toBe(true);
  const page = await visitor.submit(named, { password: alice.password });
  let end = await visitor.submit(page, { code: codeOf(key) });
  if (!end.location) end = await visitor.submit(end);
  expect(await idToken(end, verifier)).toMatchObject({ sub: alice.id, acr: acr(2) });
});

test('a user who is disabled during a step-up is signed out', async () => {
  const user = await latchkey.user({ email_verified: true });
  const visitor = await byMail(user);
  const { path } = await begin(visitor, essential);
  await latchkey.run('users.disable', { user_id: user.id });
  const page = await visitor.open(path);
  expect(page.text).not.toContain(user.email.split('@')[0]);
  expect(isAt(page, '/enrol-factor')).toBe(false);
});

test('a session that was proved an hour ago adds no factor: its user reauthenticates first', async () => {
  const user = await latchkey.user({ email_verified: true });
  const visitor = await byMail(user);
  travel(HOUR);
  const sent = (await mails.all()).length;
  const { path, verifier } = await begin(visitor, essential);
  for (const way of ['enrol-factor', 'enrol-factor/totp', 'enrol-factor/passkey', ''])
    expect(isAt(await visitor.open(`${path}/${way}`.replace(/\/$/, '')), '/login'), way).toBe(true);
  expect(await mails.all()).toHaveLength(sent);
  // As the session began: by a code, which its user asks for.
  const asked = await visitor.submit(await visitor.open(path), {});
  const page = await visitor.submit(asked, { code: (await mails.next(user.email, /\d{3}/)).code });
  expect(isAt(page, '/enrol-factor')).toBe(true);
  const setup = await visitor.submit(page, {}, 'totp');
  const codes = await visitor.submit(setup, { code: codeOf(keyOn(setup)) }, 'confirm');
  const end = await visitor.submit(codes, { saved: '1' });
  expect(await idToken(end, verifier)).toMatchObject({ sub: user.id, acr: acr(2), amr: ['otp', 'mfa'] });
});

describe('a page that is posted out of turn records nothing', () => {
  const out = {
    account: { account: 'another' },
    login: { email: 'nobody@example.com' },
    password: { email: 'nobody@example.com', password: 'x' },
    'email-code': { code: '000000' },
    'email-code/resend': {},
    passkey: { credential: '{}', who: 'anyone' },
    forgot: { email: 'nobody@example.com' },
    create: { email: 'nobody@example.com', password: 'several entirely new words 78', method: 'password' },
    'create/check': { code: '000000' },
    'create/link/Zk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E4Tj2mQ8xVb0c': {},
    'email-link/Zk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E4Tj2mQ8xVb0c': {},
    consent: { action: 'deny' },
    'second-factor/totp': { code: '000000' },
    'second-factor/passkey': { credential: '{}' },
    'enrol-factor': { method: 'totp' },
    'enrol-factor/totp': { code: '000000' },
    'enrol-factor/passkey': { credential: '{}' },
    'recovery-codes': { saved: '1' },
    'new-password': { password: 'several entirely new words 79' },
    'verify-email': { code: '000000' },
    terms: { action: 'allow' },
    profile: { name: 'x' },
    'offer-passkey': { action: 'skip' },
    'first-passkey': { action: 'skip' },
  } as const;
  type Out = keyof typeof out;

  const rows: [title: string, extra: Record<string, string>, of: 'client' | 'thirdParty', turn: string, mine: Out[]][] =
    [
      ['the choice of an account', { prompt: 'select_account' }, 'client', '/account', ['account']],
      ['consent', {}, 'thirdParty', '/consent', ['consent', 'account']],
      [
        'the address again',
        { prompt: 'login' },
        'client',
        '/login',
        [
          'login',
          'password',
          'email-code',
          'email-code/resend',
          'passkey',
          'forgot',
          'email-link/Zk3yN7sLw5pRd1gHf6uAe9iXo2vKq0E4Tj2mQ8xVb0c',
        ],
      ],
      [
        'a second factor in place of none',
        essential,
        'client',
        '/enrol-factor',
        ['login', 'enrol-factor', 'enrol-factor/totp', 'enrol-factor/passkey'],
      ],
    ];
  test.each(rows)('when %s is required', async (_title, extra, of, turn, mine) => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = await byMail(user);
    const { path, csrf } = await begin(visitor, extra, of === 'client' ? client : thirdParty);
    for (const [page, form] of Object.entries(out)) {
      if (mine.includes(page as Out)) continue;
      const answer = await postOutOfTurn(visitor, `${path}/${page}`, { csrf, ...form });
      expect(answer.location, page).toBe(path);
      expect(isAt(await visitor.open(path), turn), page).toBe(true);
    }
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, codesOn, isAt, keyOn, walk } from '../../support/mfa.ts';
import { formsOf, type Page, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
beforeEach(() => set('mfa.enforcement', 'required'));
afterEach(async () => {
  vi.useRealTimers();
  await set('mfa.graceDays', 0);
  await set('mfa.factors', ['passkey', 'totp']);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });
const later = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
const essential = (level: number) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, value: `urn:latchkey:acr:${level}` } } }),
});

async function chooseApp(visitor: Visitor, page: Page): Promise<Page> {
  expect(isAt(page, '/enrol-factor')).toBe(true);
  return visitor.submit(page, {}, 'totp');
}

/** Adds an app, to the page with the recovery codes. */
async function addApp(visitor: Visitor, page: Page): Promise<{ key: string; codes: Page }> {
  const setup = await chooseApp(visitor, page);
  const key = keyOn(setup);
  return { key, codes: await visitor.submit(setup, { code: codeOf(key) }, 'confirm') };
}

describe('with enforcement for every user', () => {
  test('a user without a factor adds an app, saves recovery codes, and is signed in', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const { codes } = await addApp(visitor, page);
    expect(isAt(codes, '/recovery-codes')).toBe(true);
    expect(codesOn(codes)).toHaveLength(10);
    expect(codes.headers.get('cache-control')).toBe('no-store');
    expect(codeBack(await visitor.submit(codes, { saved: '1' }))).not.toBeNull();
    await mails.next(user.email, /authenticator app was added/);
    await mails.next(user.email, /New recovery codes/);
    const next = await steps.afterPassword(user);
    expect(isAt(next.page, '/second-factor/totp')).toBe(true);
  });

  test('the codes can be downloaded as a file, and are not shown again', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const { codes } = await addApp(visitor, page);
    const file = await visitor.request(codes.url.replace('/recovery-codes', '/recovery-codes.txt'));
    expect(file.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(file.headers.get('content-disposition')).toBe('attachment; filename="recovery-codes.txt"');
    expect(file.headers.get('cache-control')).toBe('no-store');
    for (const code of codesOn(codes)) expect(file.text).toContain(code);
    const unsaved = await visitor.submit(codes);
    expect([unsaved.isRefused, codesOn(unsaved)]).toEqual([true, codesOn(codes)]);
    await visitor.submit(codes, { saved: '1' });
    for (const path of ['', '.txt']) {
      const again = await visitor.request(`${codes.url}${path}`);
      for (const code of codesOn(codes)) expect(again.text).not.toContain(code);
    }
  });

  test('a wrong code adds nothing and shows the same key again', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const setup = await chooseApp(visitor, page);
    for (const [code, text] of [
      ['000000', 'That code is incorrect'],
      ['', 'Enter the code shown in your app'],
    ] as const) {
      const answer = await visitor.submit(setup, { code }, 'confirm');
      expect([answer.isRefused, keyOn(answer)]).toEqual([true, keyOn(setup)]);
      expect(answer.text).toContain(text);
    }
    expect(await latchkey.app.credentials.totp.find(user.id as never)).toBeNull();
  });

  test('nothing bypasses it: restart, Back, another client, an offer that is none', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const path = page.url.replace('/enrol-factor', '');
    for (const where of ['', '/consent', '/second-factor', '/second-factor/totp', '/recovery-codes', '/offer-passkey'])
      expect(isAt(await visitor.open(`${path}${where}`), '/enrol-factor'), where).toBe(true);
    const { csrf = '' } = formsOf(page)[0]?.fields ?? {};
    for (const where of ['/enrol-factor', '/enrol-factor/totp']) {
      const skipped = await visitor.open(`${path}${where}`, { csrf, action: 'skip' });
      expect([isAt(skipped, '/enrol-factor'), codeBack(skipped)]).toEqual([true, null]);
    }
    const other = walk(latchkey, await latchkey.client({ first_party: true, name: 'Other' }));
    expect(isAt((await other.afterPassword(user, visitor)).page, '/enrol-factor')).toBe(true);
    expect(isAt((await steps.afterPassword(user)).page, '/enrol-factor')).toBe(true);
  });

  test('it can be postponed during the days of grace, counted from the first request', async () => {
    await set('mfa.graceDays', 7);
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    expect(page.text).toContain('You can do this later, until');
    expect(codeBack(await visitor.submit(page, {}, 'skip'))).not.toBeNull();
    later(6 * DAY);
    const second = await steps.afterPassword(user);
    const setup = await chooseApp(second.visitor, second.page);
    expect(codeBack(await second.visitor.submit(setup, {}, 'skip'))).not.toBeNull();
    later(DAY + HOUR);
    const third = await steps.afterPassword(user);
    expect(third.page.text).not.toContain('value="skip"');
    expect(codeBack(await third.visitor.submit(third.page, { action: 'skip' }))).toBeNull();
  });

  test('the settings decide which factors can be added, and a single choice is not asked', async () => {
    await set('mfa.factors', ['totp']);
    const user = await latchkey.user();
    const { page } = await steps.afterPassword(user);
    expect(isAt(page, '/enrol-factor/totp')).toBe(true);
    expect(page.text).not.toContain('Choose another way');
  });

  test('codes without confirmation do not block the sign-in for ever', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const { key, codes } = await addApp(visitor, page);
    expect(codesOn(codes)).toHaveLength(10);
    later(16 * MINUTE);
    const next = await steps.afterPassword(user);
    expect(codeBack(await next.visitor.submit(next.page, { code: codeOf(key) }))).not.toBeNull();
  });
});

describe('a second factor is required', () => {
  type Row = ['off' | 'optional' | 'required' | 'administrators', boolean, boolean];
  test.each<Row>([
    ['off', true, false],
    ['optional', true, false],
    ['required', false, true],
    ['administrators', true, true],
    ['administrators', false, false],
  ])('with %s, for an administrator (%s): %s', async (enforcement, administrator, mustAdd) => {
    await set('mfa.enforcement', enforcement);
    const { page } = await steps.afterPassword(await latchkey.user({ administrator }));
    expect([isAt(page, '/enrol-factor'), codeBack(page) === null]).toEqual([mustAdd, mustAdd]);
  });

  test('of a user when a relying party strictly requires two, during the grace too', async () => {
    await set('mfa.enforcement', 'optional');
    await set('mfa.graceDays', 30);
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user, undefined, essential(2));
    expect(page.text).not.toContain('value="skip"');
    const { codes } = await addApp(visitor, page);
    expect(codeBack(await visitor.submit(codes, { saved: '1' }))).not.toBeNull();
  });

  test('of a user at a client for which the operator requires it', async () => {
    await set('mfa.enforcement', 'optional');
    const bank = walk(latchkey, await latchkey.client({ first_party: true, minimum_acr: 'urn:latchkey:acr:2' }));
    expect(isAt((await bank.afterPassword(await latchkey.user())).page, '/enrol-factor')).toBe(true);
  });

  test('and the existing factor is proved before another is added for a relying party', async () => {
    const { key, ...user } = await steps.withApp();
    const { visitor, page } = await steps.afterPassword(user, undefined, essential(3));
    expect(isAt(page, '/second-factor/totp')).toBe(true);
    for (const where of ['/enrol-factor', '/enrol-factor/passkey', '/enrol-factor/totp'])
      expect(isAt(await visitor.open(page.url.replace('/second-factor/totp', where)), '/second-factor/totp')).toBe(
        true,
      );
    const enrol = await visitor.submit(page, { code: codeOf(key) });
    expect(new URL(enrol.url).pathname).toMatch(/\/enrol-factor\/passkey$/);
  });
});

describe('a user whose factors an operator removed', () => {
  const reset = ({ id }: Pick<TestUser, 'id'>) =>
    latchkey.run('users.reset_mfa', { user_id: id, reason: 'Lost phone, seen at the desk' });

  test('is notified, signed out, and signs in with only the password and a code from the mailbox', async () => {
    await set('mfa.enforcement', 'optional');
    const { key, ...user } = await steps.withApp();
    await steps.withRecoveryCodes(user);
    const { visitor, page } = await steps.afterPassword(user);
    await visitor.submit(page, { code: codeOf(key), remember: '1' });
    await reset(user);
    expect((await mails.next(user.email, /second step was removed/)).text).toContain('Lost phone, seen at the desk');
    const events = await latchkey.app.database.sql<{ type: string }>(
      `select type from audit_record where subject_id = $1 and type in ('user.mfa_reset', 'session.ended')`,
      [user.id],
    );
    expect(events.map(({ type }) => type).toSorted()).toEqual(['session.ended', 'user.mfa_reset']);
    const next = await steps.afterPassword(user, visitor);
    expect(isAt(next.page, '/second-factor/email')).toBe(true);
    const typing = await visitor.submit(next.page);
    const { code } = await mails.next(user.email, /is your .*code/);
    expect(codeBack(await visitor.submit(typing, { code }))).not.toBeNull();
    expect(codeBack((await steps.afterPassword(user)).page)).not.toBeNull();
  });

  test('loses a sign-in in progress that used the removed app', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await steps.afterPassword(user);
    const { codes } = await addApp(visitor, page);
    await reset(user);
    const end = await visitor.submit(codes, { saved: '1' });
    expect([codeBack(end), isAt(end, '/login')]).toEqual([null, true]);
  });

  test('adds a new factor in the same sign-in if one is required', async () => {
    const { key: _key, ...user } = await steps.withApp();
    await reset(user);
    const { visitor, page } = await steps.afterPassword(user);
    expect(isAt(page, '/second-factor/email')).toBe(true);
    const typing = await visitor.submit(page);
    const { code } = await mails.next(user.email, /is your .*code/);
    const enrol = await visitor.submit(typing, { code });
    expect(enrol.text).not.toContain('value="skip"');
    const { codes } = await addApp(visitor, enrol);
    expect(codeBack(await visitor.submit(codes, { saved: '1' }))).not.toBeNull();
    expect(isAt((await steps.afterPassword(user)).page, '/second-factor/totp')).toBe(true);
  });

  test.each([
    [{ user_id: 'usr_nobody', reason: 'Lost phone' }, 'input.invalid'],
    [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q', reason: 'Lost phone' }, 'mfa.user_not_found'],
    [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q', reason: ' ' }, 'input.invalid'],
    [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q' }, 'input.invalid'],
  ])('must exist, and the command needs a reason: %j', async (input, code) => {
    await expect(latchkey.run('users.reset_mfa', input)).rejects.toThrow(code);
  });
});

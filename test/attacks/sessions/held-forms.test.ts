/** A form whose sender holds its last byte back until the session or the sign-in has ended: it does nothing then. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signInTo } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { codeOf, isAt, keyOn, walk } from '../../support/mfa.ts';
import { formsOf, type Page, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;
const factors = async ({ id }: Pick<TestUser, 'id'>) =>
  (await latchkey.app.credentials.totp.find(id as never)) === null ? [] : ['totp'];
const endAll = ({ id }: TestUser) => latchkey.run('users.sessions.end_all', { user_id: id });

/** Sends a form but for its last byte, and that byte after `meanwhile`. */
async function hold(visitor: Visitor, page: Page, values: Record<string, string>, meanwhile: () => Promise<unknown>) {
  const form = formsOf(page).find(({ fields }) => Object.keys(values).every((name) => name in fields))!;
  const body = new URLSearchParams({ ...form.fields, ...values }).toString();
  const url = new URL(form.action);
  const answered = new Promise<string>((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: {
        accept: 'text/html',
        cookie: visitor.cookies(url.href),
        origin: url.origin,
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
      },
    });
    sent.once('error', reject).once('response', (answer) => {
      answer.resume();
      resolve(answer.headers.location ?? String(answer.statusCode));
    });
    sent.write(body.slice(0, -1));
    // Long enough for whatever is looked at before the form is there.
    void sleep(200)
      .then(meanwhile)
      .then(() => sent.end(body.slice(-1)), reject);
  });
  return answered;
}

describe('a form on the account page, sent after the session ended', () => {
  test('adds no authenticator app', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const page = await visitor.open(at('/account/authenticator'));
    const answer = await hold(visitor, page, { code: codeOf(keyOn(page)) }, () => endAll(user));
    expect([answer.includes('done=saved'), await factors(user)]).toEqual([false, []]);
  });

  test('changes no profile', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const page = await visitor.open(at('/account/profile'));
    await hold(visitor, page, { name: 'Mallory' }, () => endAll(user));
    const rows = await latchkey.app.database.sql<{ email: string; profile: object }>(
      'select email, profile from users',
    );
    expect(rows.find(({ email }) => email === user.email)?.profile).not.toMatchObject({ name: 'Mallory' });
  });
});

describe('a form of a sign-in, sent after it ended', () => {
  test('adds no authenticator app', async () => {
    const user = await latchkey.user({ email_verified: true });
    const steps = walk(latchkey, client);
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"required"' });
    const { visitor, page } = await steps.afterPassword(user);
    const shown = isAt(page, '/enrol-factor') ? await visitor.open(`${page.url}/totp`) : page;
    expect(shown.url).toMatch(/enrol-factor\/totp$/);
    await hold(visitor, shown, { code: codeOf(keyOn(shown)) }, () => endAll(user));
    await latchkey.run('settings.update', { name: 'mfa.enforcement', value: '"optional"' });
    expect(await factors(user)).toEqual([]);
  });

  test('does not set a required password', async () => {
    const user = await latchkey.user({ email_verified: true });
    await latchkey.run('users.require_password', { user_id: user.id });
    const { visitor, page } = await walk(latchkey, client).afterPassword(user);
    expect(page.url).toMatch(/\/new-password$/);
    await hold(visitor, page, { password: 'several entirely new words 77' }, () => endAll(user));
    const again = await walk(latchkey, client).afterPassword(user);
    expect(again.page.url).toMatch(/\/new-password$/);
  });
});

/** An attacker who reads a user's mail has one factor, whatever its use, and it never replaces a stronger one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, isAt, walk } from '../../support/mfa.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let mails: Mails;
let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: mails.env,
    settings: {
      'mfa.emailCodes': true,
      'risk.rules': [{ signals: ['new_device'], actions: ['second_factor'] }],
    },
  });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const newPassword = 'several entirely new words 77';
const level = (acr: number) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, value: `urn:latchkey:acr:${acr}` } } }),
});

/** Signs in by the code in the mail, as far as that goes. */
async function byMail(email: string, extra: Record<string, string> = {}): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = new Visitor();
  const first = await visitor.open(steps.url(extra));
  const asked = await visitor.submit(first, { email });
  const page = await visitor.open(asked.url.replace(/\/password$/, '/email-code'));
  return { visitor, page: await visitor.submit(page, { code: (await mails.next(email, /\d{3}/)).code }) };
}

describe('the mailbox of a user with an app', () => {
  test('resets the password, and is then not a second factor beside it', async () => {
    const user = await steps.withApp({ email_verified: true });
    const visitor = new Visitor();
    await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
    await visitor.submit(await visitor.open((await mails.next(user.email)).link), { password: newPassword });
    const { page } = await steps.afterPassword({ ...user, password: newPassword }, visitor);
    expect(isAt(page, '/second-factor/totp')).toBe(true);
    const base = page.url.replace('/totp', '');
    for (const path of ['/email', '/email/code', '/sms', '/methods', '/recovery-code']) {
      const seen = await visitor.open(`${base}${path}`);
      expect([codeBack(seen), seen.text.includes('value="email"')], path).toEqual([null, false]);
    }
    const { csrf = '' } = formsOf(page)[0]?.fields ?? {};
    await visitor.open(`${base}/email`, { csrf });
    await visitor.open(`${base}/methods`, { csrf, method: 'email' });
    expect(isAt(await visitor.open(base), '/totp')).toBe(true);
  });

  test('begins a sign-in, but does not complete it', async () => {
    const user = await steps.withApp({ email_verified: true });
    expect(isAt((await byMail(user.email)).page, '/second-factor/totp')).toBe(true);
  });
});

describe('the mailbox of a user with a password', () => {
  test('is one factor for a relying party that requires two, even with two codes', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { page } = await byMail(user.email, level(2));
    expect(codeBack(page)).toBeNull();
    expect(page.url).not.toContain('/second-factor/email');
  });

  test('is the only extra check of an unusual sign-in for a user without other factors, and is not asked twice', async () => {
    const user = await latchkey.user({ email_verified: true });
    expect(codeBack((await byMail(user.email)).page)).not.toBeNull();
    const { page } = await byMail(user.email);
    expect(codeBack(page)).not.toBeNull();
  });

  test('is asked for in an unusual sign-in with the password', async () => {
    const user = await latchkey.user({ email_verified: true });
    expect(codeBack((await steps.afterPassword(user)).page)).not.toBeNull();
    expect((await steps.afterPassword(user)).page.url).toContain('/second-factor/email');
  });
});

/** Each factor that is added in a sign-in, sent twice at once by one browser: it is added once, and both answers lead on. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fromUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeOf, codesOn, keyOn, walk } from '../../support/mfa.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { begin, createRequest, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { twice } from '../../support/sent-twice.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, ...ownNetworks } });
});
beforeEach(async () => {
  client = await latchkey.client({ name: 'Tally' });
});
afterEach(async () => set('mfa.enforcement', 'optional'));
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });

/** Each is sent in many sign-ins: the two requests meet at another point each time. */
const ROUNDS = 8;

const happened = async ({ id }: Pick<TestUser, 'id'>, type: string): Promise<number> =>
  (
    await latchkey.app.database.sql('select 1 from audit_event where type = $1 and subject_id = $2', [
      `user.${type}`,
      id,
    ])
  ).length;
const userOf = async (email: string): Promise<{ id: string }> => {
  const [row] = await latchkey.app.database.sql<{ id: string }>('select id from users where email = $1', [email]);
  return { id: fromUuid('usr', row!.id) };
};

/** The sign-in shows the codes that were made with the factor, once, and goes on when they are saved, also twice. */
async function expectCodes(visitor: Visitor, end: Page, user: TestUser): Promise<void> {
  expect(end.url).toMatch(/\/recovery-codes$/);
  expect(codesOn(end)).toHaveLength(10);
  expect(await happened(user, 'recovery_codes_made')).toBe(1);
  expect((await twice(visitor, end, { saved: 'yes' })).url).toMatch(/\/consent$/);
  const left = await latchkey.app.credentials.recoveryCodes.find(user.id as never);
  expect(left?.left).toBe(10);
}

async function adding(user: TestUser, method: 'totp' | 'passkey'): Promise<{ visitor: Visitor; page: Page }> {
  const { visitor, page } = await walk(latchkey, client).afterPassword(user, newcomer());
  return { visitor, page: await visitor.open(`${page.url.replace(/\/(totp|passkey)$/, '')}/${method}`) };
}

test('an authenticator app, with its recovery codes', async () => {
  await set('mfa.enforcement', 'required');
  for (let round = 0; round < ROUNDS; round += 1) {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page } = await adding(user, 'totp');
    const end = await twice(visitor, page, { code: codeOf(keyOn(page)), action: 'continue' });
    expect(await happened(user, 'totp_added')).toBe(1);
    await expectCodes(visitor, end, user);
  }
});

test('an authenticator app of a user who has recovery codes, which stay', async () => {
  await set('mfa.enforcement', 'required');
  for (let round = 0; round < ROUNDS; round += 1) {
    const user = await latchkey.user({ email_verified: true });
    const codes = await walk(latchkey, client).withRecoveryCodes(user);
    const { visitor, page } = await adding(user, 'totp');
    const end = await twice(visitor, page, { code: codeOf(keyOn(page)), action: 'continue' });
    expect(end.url).toMatch(/\/consent$/);
    expect([await happened(user, 'totp_added'), await happened(user, 'recovery_codes_made')]).toEqual([1, 1]);
    const verified = await latchkey.app.credentials.recoveryCodes.verify(user.id as never, codes[0]!, {
      actor: { type: 'system' },
    });
    expect(verified).toMatchObject({ kind: 'verified' });
  }
});

test('a passkey as second factor, with its recovery codes', async () => {
  await set('mfa.enforcement', 'required');
  for (let round = 0; round < ROUNDS; round += 1) {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page } = await adding(user, 'passkey');
    const authenticator = new Authenticator();
    const asked = await twice(visitor, page, { credential: authenticator.create(optionsOn(page), latchkey.base) });
    expect(asked.url).toMatch(/\/second-factor\/passkey$/);
    expect(await happened(user, 'passkey_added')).toBe(1);
    const proof = authenticator.get(optionsOn(asked), latchkey.base);
    await expectCodes(visitor, await twice(visitor, asked, { credential: proof }), user);
  }
});

test('a passkey that is offered', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const user = await latchkey.user({ email_verified: true });
    const visitor = newcomer();
    const page = await passkeyVisits(latchkey, client).afterPassword(visitor, user);
    const credential = new Authenticator().create(optionsOn(page), latchkey.base);
    expect((await twice(visitor, page, { credential })).url).toMatch(/\/consent$/);
    expect([await happened(user, 'passkey_added'), await happened(user, 'recovery_codes_made')]).toEqual([1, 0]);
  }
});

describe('to a new account', () => {
  async function first(visitor: Visitor): Promise<{ page: Page; email: string }> {
    const email = freshEmail();
    const check = await begin(visitor, createRequest(latchkey, client), { name: 'Noor', email }, 'passkey');
    const page = await visitor.submit(check, { code: (await mails.next(email)).code });
    expect(page.url).toMatch(/\/first-passkey$/);
    return { page, email };
  }

  test('the first passkey', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const visitor = newcomer();
      const { page, email } = await first(visitor);
      const credential = new Authenticator().create(optionsOn(page), latchkey.base);
      expect((await twice(visitor, page, { credential })).url).toMatch(/\/consent$/);
      expect(await happened(await userOf(email), 'passkey_added')).toBe(1);
    }
  });

  test('a password instead', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const visitor = newcomer();
      const { page } = await first(visitor);
      const asked = await visitor.open(`${page.url}/password`);
      expect((await twice(visitor, asked, { password: strong })).url).toMatch(/\/consent$/);
    }
  });
});

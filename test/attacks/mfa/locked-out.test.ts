/** A stranger who has the password cannot use up the second factor of the owner. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, walk } from '../../support/mfa.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' },
    settings: {
      'limits.passwordFailuresPerAddress': 100_000,
      'limits.secondFactorFreeFailures': 5,
      'mfa.emailCodes': true,
    },
  });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

let people = 0;
const browser = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1) % 250}` });
const isPaused = (page: Page): boolean => page.isRefused && !page.text.includes('name="code"');

type Owner = TestUser & { key: string; known: Visitor };
async function owner(): Promise<Owner> {
  const person = await steps.withApp({ email_verified: true });
  const { visitor, page } = await steps.afterPassword(person, browser());
  expect(codeBack(await visitor.submit(page, { code: codeOf(person.key) }))).not.toBeNull();
  return { ...person, known: visitor };
}

async function useUp(person: Owner, visitor: Visitor): Promise<Page> {
  let { page } = await steps.afterPassword(person, visitor);
  for (let i = 0; i < 6 && !isPaused(page); i += 1) page = await visitor.submit(page, { code: `00000${i}` });
  return page;
}

describe('after an attacker used up the tries', () => {
  test('the owner signs in with the app in a known browser', async () => {
    const person = await owner();
    expect(isPaused(await useUp(person, browser()))).toBe(true);
    const { visitor, page } = await steps.afterPassword(person, person.known);
    expect(codeBack(await visitor.submit(page, { code: await steps.codeAgain(person) }))).not.toBeNull();
  });

  test('every other browser waits, also with the right code', async () => {
    const person = await owner();
    await useUp(person, browser());
    const { visitor, page } = await steps.afterPassword(person, browser());
    const answer = await visitor.submit(page, { code: await steps.codeAgain(person) });
    expect([answer.isRefused, codeBack(answer)]).toEqual([true, null]);
  });
});

test('a known browser has five tries, and uses up none of the others', async () => {
  const person = await owner();
  expect(isPaused(await useUp(person, person.known))).toBe(true);
  const { visitor, page } = await steps.afterPassword(person, browser());
  expect(codeBack(await visitor.submit(page, { code: await steps.codeAgain(person) }))).not.toBeNull();
});

import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/sha';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'risk.proofOfWork': 'always' } });
});
afterAll(() => latchkey.close());

async function atPassword(email: string): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = new Visitor();
  const client = await latchkey.client({ first_party: true });
  const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  return { visitor, page: await visitor.submit(page, { email }) };
}

function challengeOf({ text }: Page): Challenge {
  const found = /data-work="([^"]*)"/.exec(text)?.[1];
  if (found === undefined) throw new Error('the page asks for no work');
  return JSON.parse(found.replaceAll('&quot;', '"')) as Challenge;
}

async function solve(challenge: Challenge): Promise<string> {
  return JSON.stringify({ challenge, solution: await solveChallenge({ challenge, deriveKey }) });
}

describe('during an attack', () => {
  test('a password is checked when the browser has solved its challenge', async () => {
    const user = await latchkey.user();
    const { visitor, page } = await atPassword(user.email);
    const back = await visitor.submit(page, { password: user.password, work: await solve(challengeOf(page)) });
    expect(back.location).toContain('code=');
  });

  test.each<[string, (page: Page) => Promise<string> | string]>([
    ['nothing', () => ''],
    ['no JSON', () => 'x'],
    ['null', () => 'null'],
    ['a list', () => '[]'],
    ['no solution', (page) => JSON.stringify({ challenge: challengeOf(page), solution: {} })],
    [
      'the wrong number',
      (page) => JSON.stringify({ challenge: challengeOf(page), solution: { counter: 1, derivedKey: 'ab'.repeat(32) } }),
    ],
    [
      'an easier challenge than was given',
      async (page) => {
        const { signature, parameters } = challengeOf(page);
        return solve({ signature: signature!, parameters: { ...parameters, keyPrefix: '00' } });
      },
    ],
    [
      'a challenge of its own',
      async () =>
        solve({
          signature: 'ab'.repeat(32),
          parameters: { algorithm: 'SHA-256', cost: 1, keyLength: 32, keyPrefix: '0', nonce: 'ab', salt: 'cd' },
        }),
    ],
  ])('%s is not a solution', async (_title, answer) => {
    const user = await latchkey.user();
    const { visitor, page } = await atPassword(user.email);
    const refused = await visitor.submit(page, { password: user.password, work: await answer(page) });
    expect(refused.isRefused).toBe(true);
    expect(refused.text).toContain('you entered is fine');
    // The page can be tried again, with work of its own.
    const back = await visitor.submit(refused, { password: user.password, work: await solve(challengeOf(refused)) });
    expect(back.location).toContain('code=');
  });

  test('one solution is valid once, for any number of parallel uses', async () => {
    const user = await latchkey.user();
    const first = await atPassword(user.email);
    const work = await solve(challengeOf(first.page));
    const others = await Promise.all(Array.from({ length: 8 }, () => atPassword(user.email)));
    const pages = await Promise.all(
      others.map(({ visitor, page }) => visitor.submit(page, { password: 'a wrong password', work })),
    );
    const looked = pages.filter(({ text }) => !text.includes('you entered is fine'));
    expect(looked).toHaveLength(1);
  });
});

test('no challenge is required normally, and one after many failures from an address', async () => {
  const calm = await startTestApp({ settings: { 'risk.failuresPerAddress': 2 } });
  try {
    const client = await calm.client();
    const visitor = new Visitor();
    let page = await visitor.open(authorizeUrl(calm.base, client, { code_challenge: pkce().challenge }));
    page = await visitor.submit(page, { email: 'nobody@example.com' });
    expect(page.text).not.toContain('data-work');
    page = await visitor.submit(page, { password: 'wrong one' });
    expect(page.text).not.toContain('data-work');
    page = await visitor.submit(page, { password: 'wrong two' });
    expect(page.text).toContain('data-work');
  } finally {
    await calm.close();
  }
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

/** Guesses from one address, each for another person, until the address is refused; how many were looked at. */
async function guessesOf(
  latchkey: TestApp,
  client: TestClient,
  headersOf: (guess: number) => Record<string, string>,
): Promise<number> {
  for (let guess = 0; guess < 40; guess += 1) {
    const visitor = new Visitor(headersOf(guess));
    const page = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
    const answer = await visitor.submit(await visitor.submit(page, { email: `p${guess}@example.com` }), {
      password: 'a guess',
    });
    if (answer.text.includes('is paused')) return guess;
  }
  return Number.POSITIVE_INFINITY;
}

describe.each([
  ['Nobody is trusted', {}],
  ['A proxy is trusted that is not this one', { TRUSTED_PROXIES: '10.0.0.0/8' }],
])('%s', (_title, env: Record<string, string>) => {
  let latchkey: TestApp;
  let client: TestClient;
  beforeAll(async () => {
    latchkey = await startTestApp({ env });
    client = await latchkey.client();
  });
  afterAll(() => latchkey.close());

  test('a forged address does not escape the limit: 20 guesses in five minutes, and the log names the socket', async () => {
    const rotating = (guess: number) => ({
      'x-forwarded-for': `203.0.113.${guess}`,
      forwarded: `for=203.0.113.${guess}`,
      'x-real-ip': `203.0.113.${guess}`,
      'x-client-ip': `203.0.113.${guess}`,
      'cf-connecting-ip': `203.0.113.${guess}`,
    });
    expect(await guessesOf(latchkey, client, rotating)).toBe(20);
    const rows = await latchkey.app.database.sql<{ ip: string }>(
      "select distinct ip from audit_record where type = 'user.sign_in_failed'",
    );
    expect(rows).toEqual([{ ip: '127.0.0.1' }]);
  });
});

test('behind a trusted proxy each client has its own counter, and headers that a client adds before the proxy are ignored', async () => {
  const latchkey = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
  const client = await latchkey.client();
  const from = (address: string) => (guess: number) => ({ 'x-forwarded-for': `198.51.100.${guess}, ${address}` });
  expect(await guessesOf(latchkey, client, from('203.0.113.1'))).toBe(20);
  expect(await guessesOf(latchkey, client, from('203.0.113.2'))).toBe(20);
  expect(await guessesOf(latchkey, client, from('203.0.113.1'))).toBe(0);
  await latchkey.close();
});

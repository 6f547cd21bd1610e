/** An attacker learns nothing about an account from the pages of a sign-in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Look, look } from '../../support/looks.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
const known = {
  active: 'known-aa@example.com',
  verified: 'known-ab@example.com',
  disabled: 'known-ac@example.com',
  'without a password': 'known-ad@example.com',
  locked: 'known-ae@example.com',
  'brought with a hash of another system': 'known-ai@example.com',
};
const unknown = { unknown: 'known-af@example.com', 'unknown too': 'known-ag@example.com' };

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  client = await latchkey.client();
  await latchkey.user({ email: known.active });
  await latchkey.user({ email: known.verified, email_verified: true });
  const disabled = await latchkey.user({ email: known.disabled });
  await latchkey.run('users.disable', { user_id: disabled.id });
  await latchkey.run('users.create', { email: known['without a password'] });
  await latchkey.user({ email: known.locked });
  const brought = {
    email: known['brought with a hash of another system'],
    password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=',
  };
  await latchkey.run('users.import', { lines: [{ line: 1, record: brought }] });
});
afterAll(() => latchkey.close());

/** Every page from the address on, for one wrong password after another until the pause. */
async function walk(email: string): Promise<Look[]> {
  const visitor = new Visitor();
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  const seen: Look[] = [];
  let page = await visitor.submit(first, { email });
  seen.push(look(page, email));
  for (let i = 0; i < 6; i += 1) {
    page = await visitor.submit(page, { password: 'certainly not this one' });
    seen.push(look(page, email));
  }
  return seen;
}

describe('status, headers, cookies and words of every response', () => {
  let stranger: Look[];
  beforeAll(async () => {
    stranger = await walk('known-ah@example.com');
  });

  test.each([...Object.entries(known), ...Object.entries(unknown)])(
    'are the same for an account that is %s as for an unknown address',
    async (_what, email) => {
      const seen = await walk(email);
      expect(seen.map(({ isRefused }) => isRefused)).toEqual([false, true, true, true, true, true, true]);
      expect(seen).toEqual(stranger);
    },
  );
});

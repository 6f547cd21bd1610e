/** Registers like a user, page by page, from an IP address of its own. */
import { randomBytes, randomInt } from 'node:crypto';
import { expect } from 'vitest';
import { type TestApp, type TestClient, password } from './app.ts';
import type { Mails } from './mails.ts';
import { authorizeUrl, type Page, pkce, Visitor } from './visitor.ts';

/** For `startTestApp`: then each newcomer has a network of their own, and none uses up the limit of another. */
export const ownNetworks = { TRUSTED_PROXIES: '127.0.0.0/8,::1/128' };

export const newcomerHeaders = (): Record<string, string> => ({
  'x-forwarded-for': `198.51.${randomInt(0, 256)}.${randomInt(1, 255)}`,
});
export const newcomer = (): Visitor => new Visitor(newcomerHeaders());
export const freshEmail = (): string => `r${randomBytes(6).toString('hex')}@example.com`;
export const strong = `${password} looms`;

export const createRequest = (latchkey: Pick<TestApp, 'base'>, client: TestClient, scope = 'openid'): string =>
  authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'create', scope });

/** The form, filled in and sent: to the page for the code, or wherever it leads. */
export async function begin(
  visitor: Visitor,
  request: string,
  values: Record<string, string>,
  button?: string,
): Promise<Page> {
  const form = await visitor.open(request);
  expect([form.status, new URL(form.url).pathname.split('/').at(-1)]).toEqual([200, 'create']);
  return visitor.submit(form, values, button);
}

/** From nothing to a code for the relying party. */
export async function register(
  latchkey: TestApp,
  client: TestClient,
  mails: Mails,
  email = freshEmail(),
  visitor = newcomer(),
): Promise<{ visitor: Visitor; email: string; end: Page }> {
  const values = { name: 'Noor Haddad', email, password: strong };
  const check = await begin(visitor, createRequest(latchkey, client), values);
  expect(new URL(check.url).pathname).toMatch(/\/create\/check$/);
  const { code } = await mails.next(email);
  return { visitor, email, end: await visitor.submit(check, { code }) };
}

/** The users, as the operator sees them. */
export async function findUser(latchkey: TestApp, email: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await latchkey.app.database.sql(
    'select email, email_verified, profile, properties, terms_version, is_administrator from users where email = $1',
    [email],
  );
  return row;
}

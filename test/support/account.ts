/** People on their account pages: signed in, and walking them by forms. */
import { expect, vi } from 'vitest';
import type { TestApp, TestUser } from './app.ts';
import { formsOf, type Page, Visitor } from './visitor.ts';

export type SignedInVisitor = { visitor: Visitor; user: TestUser };

/** From wherever the sign-in asks to the page behind it. */
export async function prove(visitor: Visitor, page: Page, { email, password }: TestUser): Promise<Page> {
  const fields = formsOf(page)[0]?.fields ?? {};
  const asked = 'email' in fields && !('password' in fields) ? await visitor.submit(page, { email }) : page;
  return visitor.submit(asked, { password });
}

export async function signInTo(
  latchkey: TestApp,
  user?: TestUser,
  headers: Record<string, string> = {},
): Promise<SignedInVisitor> {
  const [visitor, person] = [new Visitor(headers), user ?? (await latchkey.user())];
  const page = await prove(visitor, await visitor.open(`${latchkey.base}/account`), person);
  expect(page.url).toBe(`${latchkey.base}/account`);
  return { visitor, user: person };
}

export const isSignIn = ({ url }: Page): boolean => /\/interaction\/[\w-]+\/\w+/.test(url);

export const travel = (milliseconds: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: performance.timeOrigin + performance.now() + milliseconds });

/** Types of what happened to a person, oldest first. */
export async function eventsOf(latchkey: TestApp, { id }: Pick<TestUser, 'id'>): Promise<string[]> {
  const rows = await latchkey.app.database.sql<{ type: string }>(
    `select type from audit_record where subject_id = $1 order by at, id`,
    [id],
  );
  return rows.map(({ type }) => type);
}

/** The hidden token of the forms on a page. */
export async function tokenOn(visitor: Visitor, url: string): Promise<string> {
  return formsOf(await visitor.open(url))[0]?.fields['csrf'] ?? '';
}

/** A form of the account pages as their browser sends it. */
export async function send(visitor: Visitor, url: string, form: Record<string, string> = {}): Promise<Page> {
  const csrf = await tokenOn(visitor, new URL('/account/profile', url).href);
  return visitor.request(url, { form: { csrf, ...form } });
}

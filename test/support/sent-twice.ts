import { expect } from 'vitest';
import { formsOf, type Page, type Visitor } from './visitor.ts';

/** Sends the form of the page twice at once; both must lead to the same page, and not back to this one. */
export async function twice(visitor: Visitor, page: Page, values: Record<string, string> = {}): Promise<Page> {
  const [shown] = formsOf(page);
  const action = shown?.action ?? '';
  const form = { ...shown?.fields, ...values };
  const answers = await Promise.all([visitor.request(action, { form }), visitor.request(action, { form })]);
  expect(answers.map(({ status }) => status)).toEqual([303, 303]);
  expect(answers.map(({ location }) => location)).not.toContain(page.url);
  const ends: Page[] = [];
  for (const { location } of answers) ends.push(await visitor.open(location ?? ''));
  expect(ends[1]?.url).toBe(ends[0]?.url);
  return ends[0]!;
}

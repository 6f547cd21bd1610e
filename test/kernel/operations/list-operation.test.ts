import { expect, test } from 'vitest';
import { z } from 'zod';
import { createKeyRing } from '../../../src/kernel/crypto.ts';
import { bindOperations } from '../../../src/kernel/operations/bound-operation.ts';
import { withSealedCursors } from '../../../src/kernel/operations/cursors.ts';
import { listOperation, pageOfAll, pageSql } from '../../../src/kernel/operations/list-operation.ts';

type By = { name: string };
const listLetters = listOperation({
  name: 'letters.list',
  permission: 'letters.read',
  params: { word: z.string() },
  filters: { vowels: z.boolean().optional() },
  sorts: ['letter', 'age'],
  items: 'letters',
  item: z.string(),
  description: 'List letters.',
  run: async ({ word, vowels }, page, _by: By, _services: object) =>
    pageOfAll(
      [...word].filter((letter) => vowels === undefined || 'aeiou'.includes(letter) === vowels),
      page,
      (letter) => letter,
    ),
});
const keyRing = createKeyRing(['a'.repeat(32)]);
const [bound] = withSealedCursors(bindOperations([listLetters], {}), keyRing, ({ name }: By) => name);
const ada = { name: 'ada' };
type Answer = { letters: string[]; next_cursor: string | null; total?: number };
const list = (input: object, by: By = ada, word = 'abcdefghij') =>
  bound!.call({ params: { word }, input }, by) as Promise<Answer>;

test('the cursors lead through the list, in both orders, and the last page has none', async () => {
  for (const sort of ['letter', '-letter']) {
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const answer: Answer = await list({ limit: 3, sort, ...(cursor ? { cursor } : {}) });
      found.push(...answer.letters);
      cursor = answer.next_cursor;
    }
    expect(found.join('')).toBe(sort === 'letter' ? 'abcdefghij' : 'jihgfedcba');
  }
});

test('a page that ends with the list has no cursor', async () => {
  expect((await list({ limit: 10 })).next_cursor).toBeNull();
  expect((await list({})).letters).toHaveLength(10);
});

test('a total is counted where it is asked for', async () => {
  expect((await list({ limit: 1 })).total).toBeUndefined();
  expect((await list({ limit: 1, include_total: true })).total).toBe(10);
});

test('the size of the page and the total may change on the way', async () => {
  const { next_cursor: cursor } = await list({ limit: 2, vowels: false });
  expect((await list({ vowels: false, include_total: true, cursor, limit: 200 })).letters.join('')).toBe('dfghj');
});

test.each<[what: string, input: object, by?: By, word?: string]>([
  ['another caller', {}, { name: 'eve' }],
  ['another object', {}, ada, 'abcdefghijk'],
  ['another filter', { vowels: true }],
  ['another order', { sort: '-letter' }],
])('a cursor opens nothing for %s', async (_what, input, by, word) => {
  const { next_cursor: cursor } = await list({ limit: 2 });
  await expect(list({ cursor, ...input }, by, word)).rejects.toMatchObject({
    code: 'input.invalid',
    details: { cursor: expect.any(String) as string },
  });
});

test.each(['', 'x', '["a"]', 'lk1.a.b', 'lk1..', "' or 1=1", '{"$gt":""}', '\0', 'é'.repeat(4096)])(
  'the made-up cursor %j is refused',
  async (cursor) => {
    await expect(list({ cursor })).rejects.toMatchObject({ code: 'input.invalid' });
  },
);

test.each([3, null, [], {}, { $gt: '' }, true])('the cursor %j is no text', async (cursor) => {
  await expect(list({ cursor })).rejects.toMatchObject({ code: 'input.invalid' });
});

test('every changed character of a cursor is refused', async () => {
  const cursor = String((await list({ limit: 2 })).next_cursor);
  for (let at = 0; at < cursor.length; at += 1) {
    const other = cursor[at] === 'A' ? 'Q' : 'A';
    const changed = `${cursor.slice(0, at)}${other}${cursor.slice(at + 1)}`;
    // The last character of base64 holds bits that count for nothing.
    if (
      Buffer.from(changed.split('.').at(-1)!, 'base64url').equals(
        Buffer.from(cursor.split('.').at(-1)!, 'base64url'),
      ) &&
      at > cursor.lastIndexOf('.')
    )
      continue;
    await expect(list({ cursor: changed })).rejects.toMatchObject({ code: 'input.invalid' });
  }
});

test('a page of SQL begins behind its position and reads one row more', () => {
  const values: unknown[] = ['org'];
  const { where, order } = pageSql(
    { after: ['Ada', 'id1'], isDescending: true, limit: 5 },
    ['lower(name)', 'id'],
    values,
  );
  expect(where).toBe('(lower(name), id) < ($2, $3)');
  expect(order).toBe('order by lower(name) desc, id desc limit $4');
  expect(values).toEqual(['org', 'Ada', 'id1', 6]);
});

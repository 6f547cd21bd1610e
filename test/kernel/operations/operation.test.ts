import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { errorType } from '#kernel/errors.ts';
import { bindOperations, runFor } from '#kernel/operations/bound-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';

type By = { name: string };
type Services = { shelf: Map<string, string> };

const bookMissing = errorType({ code: 'books.not_found', status: 404, message: (id: string) => `No book ${id}.` });
const lendBook = operation({
  name: 'books.lend',
  permission: 'books.manage',
  params: { book_id: idSchema('book') },
  input: z.strictObject({
    days: z.int().min(1).max(30).default(14),
    reader: z.string().min(2),
    kind: z.enum(['paper', 'audio']).optional(),
    tags: z.array(z.string()).min(1).optional(),
    note: z.string('must be a note').optional(),
    address: z.object({ street: z.string() }).optional(),
    renewable: z.boolean().optional(),
    code: z.string().regex(/^x/).optional(),
  }),
  output: z.object({ book: z.string(), days: z.int(), lent_by: z.string() }),
  errors: [bookMissing],
  description: 'Lend a book to a reader.',
  example: { reader: 'Ada' },
  run: async ({ book_id: id, days }, by: By, { shelf }: Services) => {
    const book = shelf.get(id);
    if (book === undefined) throw bookMissing(id);
    if (book === 'broken') throw new TypeError('the shelf fell down');
    return { book, days, lent_by: by.name, secret: 'not for the caller' };
  },
});

const known = 'book_01h455vb4pex5vsknk084sn02q';
const broken = 'book_01h455vb4pex5vsknk084sn02r';
const shelf = new Map([
  [known, 'Emma'],
  [broken, 'broken'],
]);
const run = runFor(bindOperations([lendBook], { shelf }), { name: 'Grace' });
const lend = (input: unknown, id: unknown = known) => run('books.lend', { params: { book_id: id }, input });

describe('an operation', () => {
  test('reads what it is given, and gives what its output lets through', async () => {
    expect(await lend({ reader: 'Ada' })).toEqual({ ok: true, result: { book: 'Emma', days: 14, lent_by: 'Grace' } });
  });

  test('answers with its own errors, whose code and status are known without one', async () => {
    const other = 'book_01h455vb4pex5vsknk084sn02s';
    const refused = { ok: false, code: 'books.not_found', message: `No book ${other}.` };
    expect(await lend({ reader: 'Ada' }, other)).toMatchObject(refused);
    expect([bookMissing.code, bookMissing.status]).toEqual(['books.not_found', 404]);
    expect(bookMissing('x')).toMatchObject({ code: 'books.not_found', status: 404, message: 'No book x.' });
  });

  test('throws faults', async () => {
    await expect(lend({ reader: 'Ada' }, broken)).rejects.toThrow('the shelf fell down');
  });

  test('takes another name of an object where its caller may use one', async () => {
    const foundByName = { book_id: async (title: string) => (title === 'Emma' ? { id: known } : null) };
    const named = runFor(bindOperations([lendBook], { shelf }), { name: 'Grace' }, foundByName);
    const input = { reader: 'Ada' };
    for (const id of ['Emma', known])
      expect(await named('books.lend', { params: { book_id: id }, input })).toMatchObject({ result: { book: 'Emma' } });
    const details = { book_id: 'is neither an id nor a known name: Persuasion' };
    expect(await named('books.lend', { params: { book_id: 'Persuasion' }, input })).toMatchObject({
      code: 'input.invalid',
      details,
    });
    expect(await lend(input, 'Emma')).toMatchObject({ code: 'input.invalid' });
  });

  test('is refused when there is none of that name', async () => {
    expect(await run('books.burn', {})).toMatchObject({ ok: false, code: 'control.unknown_command' });
  });

  test.each<[what: string, input: unknown, member: string, problem: string]>([
    ['nothing', undefined, 'reader', 'must be given'],
    ['a wrong type', { reader: 7 }, 'reader', 'must be text'],
    ['a short text', { reader: 'A' }, 'reader', 'must have at least 2 characters'],
    ['a fraction', { reader: 'Ada', days: 1.5 }, 'days', 'must be a whole number'],
    ['a word for a number', { reader: 'Ada', days: 'x' }, 'days', 'must be a number'],
    ['too little', { reader: 'Ada', days: 0 }, 'days', 'must be at least 1'],
    ['too much', { reader: 'Ada', days: 31 }, 'days', 'must be at most 30'],
    ['no choice of these', { reader: 'Ada', kind: 'clay' }, 'kind', 'must be one of paper, audio'],
    ['no list', { reader: 'Ada', tags: 'x' }, 'tags', 'must be a list'],
    ['an empty list', { reader: 'Ada', tags: [] }, 'tags', 'must have at least 1 entry'],
    ['a wrong entry', { reader: 'Ada', tags: ['x', 7] }, 'tags.1', 'must be text'],
    ['no object', { reader: 'Ada', address: 'x' }, 'address', 'must be an object'],
    ['an object that lacks a member', { reader: 'Ada', address: {} }, 'address.street', 'must be given'],
    ['a word for yes or no', { reader: 'Ada', renewable: 'yes' }, 'renewable', 'must be true or false'],
    ['another form', { reader: 'Ada', code: 'y' }, 'code', 'has the wrong form'],
    ['what the schema has words for', { reader: 'Ada', note: 7 }, 'note', 'must be a note'],
    ['a member that is not known', { reader: 'Ada', colour: 'red' }, 'colour', 'is not a member here'],
    ['no object at all', 'x', 'input', 'must be an object'],
  ])('says which member is wrong when it is given %s', async (_what, input, member, problem) => {
    expect(await lend(input)).toEqual({
      ok: false,
      code: 'input.invalid',
      message: `Correct these members: ${member} ${problem}.`,
      details: { [member]: problem },
    });
  });

  test('says what an id looks like', async () => {
    const details = { book_id: `must be an id like ${known}` };
    for (const id of ['usr_01h455vb4pex5vsknk084sn02q', '', 7, null])
      expect(await lend({ reader: 'Ada' }, id)).toMatchObject({ code: 'input.invalid', details });
  });
});

/** An error in the log: codes and causes, in one line; never a row value. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { createLog, describeError } from '#kernel/log.ts';
import { AppError } from '#kernel/errors.ts';
import { openTestDatabase } from '../../support/database.ts';

type Line = { level: string; msg?: string; err?: Record<string, never>; [member: string]: unknown };

function logged(...fields: [object, string?]): { text: string; line: Line } {
  let text = '';
  createLog({ level: 'trace', destination: { write: (line) => void (text += line) } }).error(...fields);
  return { text, line: JSON.parse(text) as Line };
}

const withCode = (code: unknown, message = 'it failed'): Error => Object.assign(new Error(message), { code });

describe('the code of an error', () => {
  test.each([
    'ECONNREFUSED',
    'ENOSPC',
    'EROFS',
    'ERR_INVALID_ARG_TYPE',
    'UND_ERR_CONNECT_TIMEOUT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    '23505',
    '57P03',
    '22P02',
    'invalid_grant',
    'users.email_taken',
    'EAUTH',
    404,
  ])('%s is in the log, inside any wrapper', (code) => {
    expect(logged({ err: withCode(code) }).line.err).toMatchObject({ code });
    expect(logged({ err: new Error('outer', { cause: withCode(code) }) }).line.err).toMatchObject({ cause: { code } });
    expect(logged(withCode(code)).line.err).toMatchObject({ code });
    expect(logged({ error: { code, message: 'plain' } }).text).toContain(JSON.stringify(code));
    expect(logged({ data: { cause: { code } } }).text).toContain(JSON.stringify(code));
  });

  test.each([
    ['an authorization code', 'Vt1kq8E-3mUXJ0rZ4vLp9sYwB2nQhC7dTfGaKiOeRxM'],
    ['a one-time code', '637879'],
    ['a one-time code as a number', 637879],
    ['a code of a device', 'FZTP-FJFJ'],
    ['a recovery code', 'k7vq2-9xmpd'],
  ])('is distinguished from %s, which is never there', (_what, code) => {
    for (const fields of [{ code }, { body: { code } }, { err: withCode(code) }, { err: { code, message: 'x' } }])
      expect(logged(fields).text).not.toContain(String(code));
  });
});

describe('an error in the log', () => {
  test('is one line with one cause chain and one stack', () => {
    const cause = withCode('ECONNRESET', 'socket hang up');
    const { text, line } = logged({ err: new TypeError('fetch failed', { cause: new Error('tls', { cause }) }) });
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(text.match(/"stack"/g) ?? []).toHaveLength(0);
    expect(line.err).toMatchObject({ cause: { message: 'tls', cause: { code: 'ECONNRESET' } } });
    const fault = logged({ err: new TypeError('outer', { cause: new RangeError('inner') }) });
    expect(fault.text.match(/"stack"/g)).toHaveLength(1);
    expect(String(fault.line.err?.['stack'])).toMatch(/^\s+at .*error-record\.test\.ts/);
    expect(fault.text).not.toContain('u000a');
  });

  test('has no stack for a refusal', () => {
    const refusal = new AppError({ code: 'users.email_taken', status: 409, message: 'Another user has this address.' });
    expect(logged({ err: refusal }).line.err).toEqual({
      name: 'AppError',
      code: 'users.email_taken',
      status: 409,
      message: 'Another user has this address.',
    });
  });

  test.each([
    ['an object of WebAssembly', { name: 'ErrnoError', errno: 51 }, /ErrnoError 51/],
    [
      'the end of a program',
      { name: 'ExitStatus', message: 'Program terminated with exit(1)', status: 1 },
      /exit\(1\)/,
    ],
    ['a text', 'just a text', /just a text/],
    ['nothing', undefined, /undefined thrown/],
    ['an object', { a: 'c4n4ry' }, /object thrown/],
    [
      'several addresses',
      new AggregateError([withCode('ECONNREFUSED', 'connect a'), new Error('connect b')]),
      /connect a; connect b/,
    ],
    ['lines', new Error('first\n  second\r\nthird'), /^first second third$/],
    ['words with a cause', new Error('outer', { cause: new Error('inner') }), /^outer: inner$/],
    ['sentences with a cause', new Error('Start it.', { cause: withCode('E', 'refused') }), /^Start it\. \(refused\)$/],
  ])('that is %s has a message', (_what, thrown, words) => {
    expect(describeError(thrown)).toMatch(words);
    expect(describeError(thrown)).not.toMatch(/\[object|c4n4ry/);
  });

  test('that a library copied into a plain object is treated like an error', () => {
    const { text } = logged({
      err: { message: 'x "c4n4ry"', stack: '', severity: 'ERROR', code: '22P02', params: ['c4n4ry'], detail: 'c4n4ry' },
    });
    expect(text).not.toContain('c4n4ry');
    expect(text).toContain('22P02');
  });

  test('of a mail server names no recipient', () => {
    const thrown = Object.assign(new Error("Can't send mail: 550 <noor.haddad@x.example> no"), {
      code: 'EENVELOPE',
      responseCode: 550,
    });
    expect(logged({ err: thrown }).line.err).toMatchObject({
      message: "Can't send mail: 550 <n•••@x.example> no",
      code: 'EENVELOPE',
      responseCode: 550,
    });
  });

  test('cannot move lines of a message into its stack', () => {
    const { text } = logged({ err: new Error('x\n    at c4n4ry (file:///x.ts:1:1)\n    at y') });
    expect(JSON.parse(text).err.stack).not.toContain('c4n4ry');
  });
});

/** Errors of the database itself, on the backend of this run: nothing of them is invented. */
describe('an error of the database', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openTestDatabase();
    await database.sql(
      `create table probe (id int primary key, name text not null unique, small varchar(8), amount int check (amount > 0),
        at timestamptz, data jsonb, parent int references probe (id))`,
    );
    await database.sql(`insert into probe (id, name) values (1, 'taken-c4n4ry')`);
    await database.sql(
      `create function complain(value text) returns void language plpgsql as $$ begin raise exception 'no "%"', value; end $$`,
    );
  });
  afterAll(() => database.close());

  const statements: readonly (readonly [what: string, text: string, values: readonly unknown[], code: string])[] = [
    ['a value that is there already', 'insert into probe (id, name) values (2, $1)', ['taken-c4n4ry'], '23505'],
    ['a column that is missing', 'insert into probe (id, small) values (2, $1)', ['c4n4ry'], '23502'],
    ['a check', 'insert into probe (id, name, amount) values (2, $1, -1)', ['c4n4ry'], '23514'],
    ['a foreign key', 'insert into probe (id, name, parent) values (2, $1, 99)', ['c4n4ry'], '23503'],
    [
      'a text that is too long',
      'insert into probe (id, name, small) values (2, $1::text, ($1::text)::varchar)',
      ['c4n4ry-and-more'],
      '22001',
    ],
    ['no number', 'select ($1::text)::int', ['c4n4ry'], '22P02'],
    ['no identifier', 'select ($1::text)::uuid', ['c4n4ry" column "c4n4ry" x "'], '22P02'],
    ['no date', 'select ($1::text)::timestamptz', ['c4n4ry'], '22007'],
    ['no JSON', 'select ($1::text)::jsonb', ['{"c4n4ry": c4n4ry'], '22P02'],
    ['a word that is a name of a column', 'select ($1::text)::boolean', ['relation "c4n4ry'], '22P02'],
    ['a pattern', `select 'x' ~ $1::text`, ['c4n4ry('], '2201B'],
    ['an exception of a function', 'select complain($1)', ['c4n4ry"c4n4ry'], 'P0001'],
  ];

  test.each(statements)('about %s has its code and no value', async (_what, text, values, code) => {
    const quoted = values.map((value) => `'${String(value).replaceAll("'", "''")}'`);
    const inlined = text.replaceAll(/\$(\d)/g, (_all, at: string) => quoted[Number(at) - 1]!);
    const asked = [
      database.sql(text, values),
      // The mapper writes parameters into its statements.
      database.em().execute(
        text.replaceAll(/\$\d/g, '?'),
        text.match(/\$\d/g)!.map(() => values[0]),
      ),
      database.em().execute(inlined),
      database.transaction(async (em) => em.execute(inlined)),
    ];
    for (const failed of await Promise.allSettled(asked)) {
      const err: unknown = failed.status === 'rejected' ? failed.reason : undefined;
      for (const thrown of [
        err,
        new Error('wrapped', { cause: err }),
        new Error(`Original error: ${(err as Error).message}`, { cause: err }),
      ]) {
        const { text: line } = logged({ err: thrown });
        expect(line).not.toContain('c4n4ry');
        expect(line).toContain(code);
        expect(describeError(thrown)).not.toContain('c4n4ry');
      }
    }
  });

  test('about names of the schema keeps them', async () => {
    const [missing] = await Promise.allSettled([database.sql('select 1 from nowhere')]);
    expect(describeError((missing as PromiseRejectedResult).reason)).toBe('relation "nowhere" does not exist');
    const [taken] = await Promise.allSettled([database.sql(`insert into probe (id, name) values (1, 'x')`)]);
    expect(logged({ err: (taken as PromiseRejectedResult).reason as Error }).line.err).toMatchObject({
      message: 'duplicate key value violates unique constraint "probe_pkey"',
      table: 'probe',
      constraint: 'probe_pkey',
    });
  });

  test('any value is removed from the line', async () => {
    const noise = fc.string({
      unit: fc.constantFrom(...`a"':«»“”\n (){}=-column "relation `.split('')),
      maxLength: 24,
    });
    await fc.assert(
      fc.asyncProperty(noise, noise, async (before, after) => {
        const value = `${before}c4n4ry${after}`;
        const [failed] = await Promise.allSettled([database.sql('select ($1::text)::uuid', [value])]);
        expect(logged({ err: (failed as PromiseRejectedResult).reason as Error }).text).not.toContain('c4n4ry');
      }),
      { numRuns: 100 },
    );
  });
});

/** Operations that fail, and inputs and outputs that no schema takes, behind the door as it is. */
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi, createApiStores } from '#api/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { AppError } from '#kernel/errors.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { operation } from '#kernel/operations/operation.ts';
import { createThrottle } from '#kernel/throttle.ts';
import type { documentOf } from '../../src/api/document.ts';
import { resolved } from '../../src/api/document-form.ts';
import { defineOperations } from '../../src/main/cli-operations.ts';
import { siteMap } from '../../src/app/site-map.ts';
import { bodyOf, headerOf, openEdge, request, statusOf, type TestEdge } from '../support/edge.ts';
import { policiesWith } from '../support/policies.ts';

const secret = 'a secret of the server';
const given: unknown[] = [];

/** One that does with `users.read` what its test says. */
const act = (name: `${string}.${string}`, run: () => Promise<unknown>) =>
  operation({
    name,
    permission: 'users.read',
    input: z.strictObject({ reason: z.string().max(20).optional(), level: z.int().max(3).optional() }),
    output: z.strictObject({ done: z.boolean() }),
    description: 'Test.',
    example: { reason: 'Because' },
    run: async (input) => {
      given.push(input);
      return (await run()) as { done: boolean };
    },
  });
const ending = { since: '2026-05-01', sunset: '2027-05-01', use: 'acts.succeed' };
const operations = bindOperations(
  [
    act('acts.succeed', async () => ({ done: true })),
    act('acts.say_too_much', async () => ({ done: true, password: secret })),
    act('acts.say_wrong', async () => ({ done: secret })),
    act('acts.say_nothing', async () => undefined),
    act('acts.fail', () => Promise.reject(new Error(secret))),
    act('acts.miss', () => Promise.reject(Object.assign(new Error(secret), { code: 'ECONNREFUSED' }))),
    { ...act('acts.end', async () => ({ done: true })), deprecated: ending },
    act('acts.refuse', () =>
      Promise.reject(new AppError({ code: 'acts.refused', status: 409, message: 'No.', details: { why: 'x' } })),
    ),
  ],
  {},
);

let edge: TestEdge;
/** Conditions and keys need one. These calls have none, or are refused before. */
const database = { sql: () => Promise.reject(new Error('no database')) };
beforeAll(async () => {
  const api = createApi({
    config: { issuer: 'http://localhost' },
    version: '0.0.0',
    operations,
    mounted: operations.map((bound) => bound.operation.name),
    tokens: {
      known: () => undefined,
      check: async () => ({
        kind: 'valid',
        clientId: 'robot',
        accountId: null,
        organizationId: null,
        scopes: new Set(['users.read']),
        sessionId: null,
        scheme: 'Bearer',
      }),
    },
    users: { findById: async () => null },
    effective: { mayBy: async () => () => false, permissionsOf: async () => new Set() },
    throttle: createThrottle({ redis: null, processes: 1 }),
    policies: policiesWith(),
    stores: createApiStores({ clock: systemClock, database, keyRing: createKeyRing(['x'.repeat(32)]) }),
  });
  edge = await openEdge({ mounts: siteMap({ embedded: false }), use: (made) => made.mount([api.routes]) });
});
afterAll(() => edge.close());

const call = async (
  path: string,
  body = '',
  headers: readonly string[] = body === '' ? [] : ['Content-Type: application/json'],
) => {
  const answer = await request(edge, `POST /api/v1/acts/${path}`, headers, body);
  return { answer, status: statusOf(answer), problem: JSON.parse(bodyOf(answer)) as Record<string, unknown> };
};

describe('an operation', () => {
  test('that succeeds returns only members of its schema', async () => {
    const { answer, status, problem } = await call('succeed', '{"reason":"x"}');
    expect([status, problem]).toEqual([200, { done: true }]);
    expect(headerOf(answer, 'Cache-Control')).toBe('no-store');
    expect(given.at(-1)).toEqual({ reason: 'x' });
  });

  test.each(['say-too-much', 'say-wrong', 'say-nothing', 'fail'])(
    'that does wrong (%s) is a fault of ours: on the log, and not in the answer',
    async (path) => {
      const { answer, status, problem } = await call(path);
      expect([status, problem['code']]).toEqual([500, 'server.fault']);
      expect(headerOf(answer, 'Content-Type')).toBe('application/problem+json; charset=utf-8');
      expect(answer).not.toContain(secret);
      const line = edge.log.find(({ requestId, msg }) => requestId === problem['requestId'] && msg === 'fault');
      expect(line).toMatchObject({ level: 50, err: { stack: expect.any(String) } });
    },
  );

  test('without its database answers 503 with Retry-After', async () => {
    const { answer, status, problem } = await call('miss');
    expect([status, problem['code'], headerOf(answer, 'Retry-After')]).toEqual([503, 'server.unavailable', '5']);
    expect(answer).not.toContain(secret);
  });

  test('that refuses returns its own code and details', async () => {
    const { status, problem } = await call('refuse');
    expect([status, problem]).toMatchObject([
      409,
      { code: 'acts.refused', detail: 'No.', why: 'x', title: 'Conflict' },
    ]);
  });
});

describe('wrong input is refused before the operation begins', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a member of another type', '{"reason":{"$ne":null}}', { reason: 'must be text' }],
    ['a member that is too long', `{"reason":"${'x'.repeat(21)}"}`, { reason: 'must have at most 20 characters' }],
    ['two members at once', '{"reason":5,"level":4}', { reason: 'must be text', level: 'must be at most 3' }],
    ['a number as text', '{"level":"1"}', { level: 'must be a number' }],
    ['a member twice: the last one counts', '{"reason":"x","reason":5}', { reason: 'must be text' }],
    ['a member that is not known', '{"raeson":"x"}', { raeson: 'is not a member here' }],
  ])('%s', async (_what, body, errors) => {
    const before = given.length;
    const { status, problem } = await call('succeed', body);
    expect([status, problem['code'], problem['errors']]).toEqual([422, 'input.invalid', errors]);
    expect(given).toHaveLength(before);
  });
});

const readDocument = async () =>
  JSON.parse(bodyOf(await request(edge, 'GET /api/openapi.json'))) as ReturnType<typeof documentOf>;

test('the document describes the body of an operation, with its example', async () => {
  const document = await readDocument();
  const { required, content } = document.paths['/api/v1/acts/succeed']!['post']!.requestBody!;
  expect(required).toBe(false);
  expect(content['application/json']).toMatchObject({ example: { reason: 'Because' } });
  expect(resolved(document, content['application/json']!.schema)).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: { reason: { type: 'string', maxLength: 20 } },
  });
});

describe('a deprecated operation', () => {
  test('says so in each answer (RFC 9745, RFC 8594)', async () => {
    for (const body of ['', '{"x":1}']) {
      const { answer } = await call('end', body);
      expect(headerOf(answer, 'Deprecation')).toBe('@1777593600');
      expect(headerOf(answer, 'Sunset')).toBe('Sat, 01 May 2027 00:00:00 GMT');
      expect(headerOf(answer, 'Link')).toBe(
        '<http://localhost/api/v1/acts/succeed>; rel="successor-version", <http://localhost/api/openapi.json>; rel="deprecation"; type="application/json"',
      );
    }
    expect(headerOf((await call('succeed')).answer, 'Deprecation')).toBeUndefined();
  });

  test('is one in the document and in the help of the command line', async () => {
    const words = 'Deprecated since 2026-05-01, ends on 2027-05-01: use';
    const described = (await readDocument()).paths['/api/v1/acts/end']!['post']!;
    expect(described).toMatchObject({ deprecated: true, description: `${words} acts.succeed. Test.` });
    const program = new Command();
    defineOperations(
      program,
      operations.map((bound) => bound.operation),
      async () => undefined,
    );
    const command = program.commands.flatMap((each) => each.commands).find((each) => each.name() === 'end')!;
    expect(command.description()).toBe(`${words} latchkey act succeed. Test.`);
  });
});

/**
 * Whatever comes in, the API answers as its document says: never with a fault, an answer in the schema of the operation, a refusal with a code
 * that the document names. `FUZZ_REQUESTS` says how many requests are made; `npm run test:fuzz` makes 20,000.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDocument, operationsOf, resolved } from '../../src/api/document-form.ts';
import { OutboundError } from '#kernel/http/outbound.ts';
import {
  addressOf,
  makeObjects,
  type Objects,
  offered,
  type Offered,
  paramsFor,
  withIds,
} from '../support/api-objects.ts';
import { type ApiAnswer, callApi, clientTokens, machineWith } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const requests = Number(process.env['FUZZ_REQUESTS'] ?? 2000);

let latchkey: TestApp;
let token: string;
let objects: Objects;
/** The codes of refusals, by operation and status. */
let declared: ReadonlyMap<string, ReadonlySet<string>>;

/** Nothing leaves the machine: other servers are away. */
const away = async (): Promise<never> => {
  throw new OutboundError('could_not_connect', 'no network');
};
const outbound = { fetch: away, limited: () => away, logged: () => away, fetchOk: away, close: async () => undefined };

beforeAll(async () => {
  const settings = { 'limits.refusedTokensPerAddress': 1_000_000, 'limits.apiCallsPerMinute': 1_000_000 };
  latchkey = await startTestApp({ settings, outbound, env: { DNS_SERVERS: '127.0.0.1:9' } });
  const scope = [...new Set(offered.map(({ operation }) => operation.permission))].join(' ');
  ({ access_token: token } = await clientTokens(latchkey, await machineWith(latchkey, '*'), { scope }));
  const users = await Promise.all(Array.from({ length: 4 }, () => latchkey.user()));
  const create = async ({ path, method }: Offered, params: Readonly<Record<string, string>>, json: unknown) => {
    const { status, body } = await callApi(latchkey, addressOf(path, params), { method, token, json: json ?? {} });
    return status < 300 ? body : null;
  };
  objects = await makeObjects(create, 4, { user_id: users.map(({ id }) => id) });
  const document = (await callApi(latchkey, '/openapi.json')).body as unknown as ApiDocument;
  declared = new Map(
    operationsOf(document).flatMap(({ operation: { operationId, responses } }) =>
      Object.entries(responses).map(([status, response]) => {
        const { content } = resolved(document, response);
        return [
          `${operationId} ${status}`,
          new Set(Object.keys(content?.['application/problem+json']?.examples ?? {})),
        ];
      }),
    ),
  );
});
afterAll(() => latchkey?.close());

/** A valid call would end the test, or last for seconds: these are asked only with a member that they do not know. */
const disturbing = /^(settings|keys|saml\.keys|branding|audit|users\.(im|ex)port)\.?/;

const names = [
  ...new Set(offered.flatMap(({ operation: { input, params } }) => Object.keys({ ...input.shape, ...params.shape }))),
];
const hostile = [
  '__proto__',
  'constructor',
  "' or 1=1 --",
  '\u202e',
  '{{7*7}}',
  '$ne',
  '%27',
  '../..',
  '\u0000',
  '\ud800',
];
const word = fc.oneof(fc.constantFrom(...names, ...hostile), fc.string({ unit: 'binary', maxLength: 40 }));
const madeUp = fc.oneof(
  word,
  fc.constantFrom(
    'usr_01h455vb4pex5vsknk084sn02q',
    'client_01h455vb4pex5vsknk084sn02q',
    'usr_7zzzzzzzzzzzzzzzzzzzzzzzzz',
    'usr_8zzzzzzzzzzzzzzzzzzzzzzzzz',
  ),
);
const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), word, madeUp, fc.double(), fc.maxSafeInteger());

/** One change of a valid body: a member that is missing, wrong or unknown, or none at all. */
const mutation = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: 'none' as const }) },
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat(20) }),
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(20), value }),
  fc.record({ kind: fc.constant('add' as const), name: word, value }),
);
const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
const rawBody = fc.oneof(
  { weight: 4, arbitrary: fc.dictionary(word, value, { maxKeys: 5 }).map((given) => JSON.stringify(given)) },
  { weight: 2, arbitrary: fc.json() },
  { weight: 2, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constantFrom(deep, '[]', 'null', '{"a":"\\u0000"}', '\u0000', '{"a":1,"a":2}') },
);
const often = <T>(usual: T, weight: number, rare: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });

const call = fc.record({
  operation: fc.constantFrom(...offered.map(({ operation }) => operation.name)),
  method: often('own', 9, fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')),
  turn: fc.nat(1000),
  id: often<string | null>(null, 3, madeUp),
  body: fc.oneof(mutation, rawBody),
  query: often<readonly (readonly [string, string])[]>([], 5, fc.array(fc.tuple(word, word), { maxLength: 3 })),
  type: often(
    'application/json',
    8,
    fc.constantFrom('application/json; charset=utf-16', 'text/plain', 'application/merge-patch+json', ''),
  ),
  headers: often<Record<string, string>>(
    {},
    3,
    fc.constantFrom(
      { 'if-match': '*' },
      { 'if-match': '"a"' },
      { 'if-match': 'W/"a"' },
      { 'if-match': 'a' },
      { 'if-none-match': '*' },
      { 'if-none-match': '"' },
      { 'idempotency-key': 'one' },
      { 'idempotency-key': '' },
      { 'idempotency-key': 'a b' },
      { 'content-encoding': 'gzip' },
      { range: 'bytes=0-1' },
    ),
  ),
  isLarge: often(false, 200, fc.constant(true)),
  hasToken: often(true, 12, fc.constant(false)),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** A text as a part of an address, also one that no encoder takes. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed()).replaceAll('.', '%2E');

function bodyOf({ operation }: Offered, { body, turn, isLarge }: Call): string {
  if (isLarge) return JSON.stringify({ reason: 'x'.repeat(300_000) });
  if (typeof body === 'string')
    return disturbing.test(operation.name) ? `{"no_such_member":${JSON.stringify(body)}}` : body;
  const valid = Object.entries((withIds(operation.example ?? {}, objects, turn) ?? {}) as Record<string, unknown>);
  if (body.kind === 'drop') valid.splice(body.at % (valid.length + 1), 1);
  if (body.kind === 'replace' && valid.length > 0) valid[body.at % valid.length]![1] = body.value;
  if (body.kind === 'add') valid.push([body.name, body.value]);
  if (disturbing.test(operation.name)) valid.push(['no_such_member', true]);
  return JSON.stringify(Object.fromEntries(valid));
}

/** Refusals of the edge about addresses and methods, which no operation names. */
const ofNone = new Set(['request.not_found', 'request.method_not_allowed', 'request.target_too_long']);
const seen = new Map<string, Set<number>>();

function judge({ status, headers, body }: ApiAnswer, asked: Offered | undefined): void {
  expect(String(body['code']), JSON.stringify(body)).not.toMatch(/^server\./);
  expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  if (status === 304) return;
  const name = asked?.operation.name ?? '';
  seen.set(name, (seen.get(name) ?? new Set()).add(status));
  if (status < 400) {
    expect([status, headers.get('content-type')]).toEqual([asked?.status, 'application/json; charset=utf-8']);
    const { error } = asked!.operation.output.safeParse(body);
    expect(error, `${name}: ${JSON.stringify(body)}`).toBeUndefined();
    return;
  }
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const { code } = body;
  expect(body).toMatchObject({ status, code: expect.stringMatching(/^[a-z_]+\.[a-z_]+$/) as string });
  expect(body['requestId']).toBe(headers.get('x-request-id'));
  // The edge answers before any operation.
  if (asked === undefined) return;
  const isDeclared = ofNone.has(String(code)) || (declared.get(`${name} ${status}`)?.has(String(code)) ?? false);
  expect(
    isDeclared,
    `${name} answers ${status} ${String(code)}, which its document does not say: ${JSON.stringify(body)}`,
  ).toBe(true);
}

test(
  'every answer is one that the document says',
  async () => {
    await fc.assert(
      fc.asyncProperty(call, async (given) => {
        const { turn, id, query, type, headers, hasToken } = given;
        const each = offered.find(({ operation }) => operation.name === given.operation)!;
        const method = given.method === 'own' ? each.method : given.method;
        const asked = offered.find((other) => other.path === each.path && other.method === method);
        const params = paramsFor(each.path, objects, turn);
        const path = addressOf(
          each.path,
          id === null ? params : Object.fromEntries(Object.keys(params).map((name) => [name, id])),
          encoded,
        );
        const search = query.map(([name, text]) => `${encoded(name)}=${encoded(text)}`);
        const hasBody = !['GET', 'OPTIONS'].includes(method);
        const answer = await callApi(latchkey, search.length ? `${path}?${search.join('&')}` : path, {
          method,
          token: hasToken ? token : undefined,
          headers: { ...(hasBody && type !== '' ? { 'content-type': type } : {}), ...headers },
          ...(hasBody ? { body: bodyOf(asked ?? each, given) } : {}),
        });
        judge(answer, asked);
      }),
      { numRuns: requests },
    );
    const reached = [...seen].filter(([, statuses]) => [200, 201].some((status) => statuses.has(status)));
    // The rest needs a state that no example has, such as a domain that is verified.
    expect(reached.length).toBeGreaterThan(offered.length / 3);
  },
  300_000 + requests * 50,
);

/** Whatever comes in, the API answers with a problem that says what is wrong: never with a fault, and never with a change. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mounted } from '../../src/app/api.ts';
import { operations } from '../../src/app/operations.ts';
import { routeOf } from '../../src/api/operation-route.ts';
import { callApi, clientTokens, machineWith } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let latchkey: TestApp;
let token: string;
beforeAll(async () => {
  const settings = { 'limits.refusedTokensPerAddress': 1_000_000, 'limits.apiCallsPerMinute': 1_000_000 };
  latchkey = await startTestApp({ settings });
  const scope = [...new Set(operations.map(({ permission }) => permission))].join(' ');
  ({ access_token: token } = await clientTokens(latchkey, await machineWith(latchkey, '*'), { scope }));
});
afterAll(() => latchkey.close());

const routes = operations.filter(({ name }) => mounted.includes(name)).map(routeOf);
const names = [...new Set(operations.flatMap(({ input, params }) => Object.keys({ ...input.shape, ...params.shape })))];
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
const id = fc.oneof(
  word,
  fc.constantFrom(
    'usr_01h455vb4pex5vsknk084sn02q',
    'client_01h455vb4pex5vsknk084sn02q',
    'usr_7zzzzzzzzzzzzzzzzzzzzzzzzz',
    'usr_8zzzzzzzzzzzzzzzzzzzzzzzzz',
  ),
);
const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), word, id, fc.double(), fc.maxSafeInteger());
const body = fc.oneof(
  fc.dictionary(word, value, { maxKeys: 5 }).map((given) => JSON.stringify(given)),
  fc.json(),
  fc.string(),
);
const call = fc.record({
  route: fc.constantFrom(...routes),
  method: fc.constantFrom('own', 'own', 'own', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
  id,
  query: fc.oneof(fc.constant({}), fc.dictionary(word, word, { maxKeys: 3 })),
  body,
  type: fc.constantFrom('application/json', 'application/json', 'application/json; charset=utf-16', 'text/plain'),
  hasToken: fc.boolean(),
});

/** A text as a part of an address, also one that no encoder takes. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed()).replaceAll('.', '%2E');

test('no input causes a fault', async () => {
  await fc.assert(
    fc.asyncProperty(call, async ({ route, id: given, query, type, hasToken, ...sent }) => {
      const method = sent.method === 'own' ? route.method : sent.method;
      const path = route.path.replace(/^\/api/, '').replaceAll(/\{\w+\}/g, encoded(given) || 'x');
      const search = Object.entries(query).map(([name, text]) => `${encoded(name)}=${encoded(text)}`);
      const answer = await callApi(latchkey, search.length ? `${path}?${search.join('&')}` : path, {
        method,
        token: hasToken ? token : undefined,
        ...(method === 'GET' ? {} : { headers: { 'content-type': type }, body: sent.body }),
      });
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
      if (answer.status < 400) return;
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(answer.body).toMatchObject({
        status: answer.status,
        code: expect.stringMatching(/^[a-z]+\.[a-z_]+$/) as string,
      });
    }),
    { numRuns: 400 },
  );
});

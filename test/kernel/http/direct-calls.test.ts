/** Which calls are answered before the middleware, and that nobody can tell from the answer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DirectCalls } from '#kernel/http/direct-calls.ts';
import { readJson } from '#kernel/http/body.ts';
import { bodyOf, type Context, headerOf, openEdge, raw, request, statusOf, type TestEdge } from '../../support/edge.ts';

const path = '/api/ask';
const known = 'Authorization: Bearer known';
const json = 'Content-Type: application/json';
const question = '{"may":"Ada"}';
let direct: (text: string) => Promise<string | null>;
const calls: DirectCalls = {
  find: ({ url, headers }) =>
    url === path && headers.authorization === 'Bearer known'
      ? async (_visitor, body) => {
          const json = await direct(body.toString());
          return json === null ? null : { json, fields: [] };
        }
      : undefined,
};

let edge: TestEdge;
beforeAll(async () => {
  edge = await openEdge({
    use: (made) => made.answerDirectly(calls),
    routes: (router) => {
      const answer = async (ctx: Context): Promise<void> => {
        const asked = ctx.method === 'GET' ? null : await readJson(ctx);
        ctx.body = JSON.stringify({ by: 'application', asked });
        ctx.set('Content-Type', 'application/json; charset=utf-8');
      };
      router.get(path, answer).post(path, answer);
    },
  });
});
afterAll(() => edge.close());

const answersDirectly = (): void => {
  direct = async (text) => JSON.stringify({ by: 'direct', asked: text === '' ? null : JSON.parse(text) });
};
const askedBy = (answer: string): unknown => (JSON.parse(bodyOf(answer)) as { by: unknown }).by;

describe('a call with known credentials', () => {
  test.each([
    ['POST', [known, json], question],
    ['POST', [known, 'content-type: application/json; charset=UTF-8'], question],
    ['GET', [known], ''],
  ])('%s %j is answered directly', async (method, headers, body) => {
    answersDirectly();
    const answer = await request(edge, `${method} ${path}`, headers, body);
    expect(statusOf(answer)).toBe(200);
    expect(JSON.parse(bodyOf(answer))).toEqual({ by: 'direct', asked: body === '' ? null : { may: 'Ada' } });
  });

  test('has the headers, the line in the log and the count of one that the application answers', async () => {
    answersDirectly();
    const ask = async (): Promise<{ headers: string[]; line: string[]; counted: unknown }> => {
      const answer = await request(edge, `POST ${path}`, [known, json, 'User-Agent: test'], question);
      const [head = ''] = answer.split('\r\n\r\n', 1);
      const line = edge.log.at(-1)!;
      expect(line).toMatchObject({ method: 'POST', path, status: 200, ip: '127.0.0.1', userAgent: 'test' });
      expect(line['requestId']).toMatch(/^[\da-f-]{36}$/);
      const { mount, method, status } = edge.answered.at(-1)!;
      const shown = head.replace(/^(Date|Content-Length): .*$/gim, '$1');
      return {
        headers: shown.split('\r\n').sort(),
        line: Object.keys(line).sort(),
        counted: { mount, method, status },
      };
    };
    const directly = await ask();
    direct = async () => null;
    expect(await ask()).toEqual(directly);
  });

  test.each([
    ['hands on', async () => null],
    ['fails', () => Promise.reject(new Error('no'))],
  ])('that %s is answered by the application, with its body', async (_what, answer) => {
    direct = answer;
    const given = await request(edge, `POST ${path}`, [known, json], question);
    expect(JSON.parse(bodyOf(given))).toEqual({ by: 'application', asked: { may: 'Ada' } });
  });
});

describe('the application answers', () => {
  test.each<[string, string, readonly string[], string, number]>([
    ['other credentials', `POST ${path}`, ['Authorization: Bearer other', json], question, 200],
    ['no credentials', `POST ${path}`, [json], question, 200],
    ['a query', `GET ${path}?x=1`, [known], '', 200],
    ['another spelling', 'GET /api/%61sk', [known], '', 404],
    ['a proof of a key', `POST ${path}`, [known, json, 'DPoP: x'], question, 200],
    ['a page of another origin', `POST ${path}`, [known, json, 'Origin: https://elsewhere.example'], question, 200],
    ['a condition', `GET ${path}`, [known, 'If-None-Match: "x"'], '', 200],
    ['a range', `GET ${path}`, [known, 'Range: bytes=0-1'], '', 200],
    ['a packed body', `POST ${path}`, [known, json, 'Content-Encoding: gzip'], question, 415],
    ['another type', `POST ${path}`, [known, 'Content-Type: text/plain'], question, 415],
    ['another charset', `POST ${path}`, [known, `${json}; charset=utf-16`], question, 415],
    ['GET with a body', `GET ${path}`, [known, json], question, 200],
    ['POST without a body', `POST ${path}`, [known, json], '', 415],
    ['another method', `PATCH ${path}`, [known, json], question, 404],
  ])('%s', async (_what, line, headers, body, status) => {
    answersDirectly();
    const answer = await request(edge, line, headers, body);
    expect(statusOf(answer)).toBe(status);
    if (status === 200) expect(askedBy(answer)).toBe('application');
  });

  test.each([
    ['two hosts', ['Host: HOST', 'Host: HOST'], 400],
    ['another host', ['Host: elsewhere.example'], 421],
    ['another spelling of the host', ['Host: LOCALHOST:PORT'], 200],
    ['credentials twice', ['Host: HOST', known], 400],
    ['a body that is too large', ['Host: HOST', json, 'Content-Length: 300000'], 413],
    ['a body in pieces', ['Host: HOST', json, 'Transfer-Encoding: chunked'], 200],
  ])('%s', async (_what, headers, status) => {
    answersDirectly();
    const named = headers.map((header) => header.replace('HOST:PORT', `HOST:${edge.port}`).replace(/HOST$/, edge.host));
    const isChunked = headers.some((header) => header.startsWith('Transfer-Encoding'));
    const body = isChunked ? `${question.length.toString(16)}\r\n${question}\r\n0\r\n\r\n` : '';
    const method = headers.includes(json) ? 'POST' : 'GET';
    const head = [`${method} ${path} HTTP/1.1`, 'Connection: close', known, ...named, '', body].join('\r\n');
    const answer = await raw(edge.port, head);
    expect(statusOf(answer)).toBe(status);
    if (status === 200) expect(askedBy(answer.replace(/\r\n[\da-f]+\r\n/i, '\r\n'))).toBe('application');
  });
});

test('nothing is answered directly below a path of the issuer', async () => {
  const below = await openEdge({
    env: (port) => ({ ISSUER: `http://localhost:${port}/id` }),
    use: (made) => made.answerDirectly({ find: () => async () => ({ json: '{"by":"direct"}', fields: [] }) }),
    routes: (router) => router.get(path, (ctx) => void (ctx.body = '{"by":"application"}')),
  });
  expect(askedBy(await request(below, `GET /id${path}`, [known]))).toBe('application');
  await below.close();
});

test('a body that never comes to its end holds up nothing else', async () => {
  answersDirectly();
  const slow = raw(
    edge.port,
    `POST ${path} HTTP/1.1\r\nHost: ${edge.host}\r\n${known}\r\n${json}\r\nContent-Length: 50\r\n\r\n{`,
  );
  expect(headerOf(await request(edge, `POST ${path}`, [known, json], question), 'Content-Length')).toBe('37');
  expect(await slow).toBe('');
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

const list = async (page: { limit?: number; after?: string } = {}) =>
  (await latchkey.run<{ apis: { identifier: string }[] }>('apis.list', page)).apis.map(({ identifier }) => identifier);

test('APIs are listed in pages, each after the identifier of an API', async () => {
  const before = await list();
  const made = ['https://a.example', 'https://b.example', 'https://c.example'];
  for (const identifier of made) await latchkey.run('apis.create', { identifier });
  expect(await list()).toEqual([...before, ...made]);
  expect(await list({ limit: 1, after: made[0]! })).toEqual([made[1]]);
  expect(await list({ after: made[0]! })).toEqual(made.slice(1));
  expect(await list({ after: made[2]! })).toEqual([]);
});

test('after an API that does not exist, there is no page', async () => {
  await expect(list({ after: 'https://nothing.example' })).rejects.toThrow('apis.not_found');
});

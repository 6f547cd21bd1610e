/** Programs on the pages, as they are written there. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientTokens } from '../support/api.ts';
import { freePort, startTestApp, type TestApp, type TestClient } from '../support/app.ts';

const root = resolve(import.meta.dirname, '../..');
let latchkey: TestApp;
/** Below the project, so that its packages are found. */
let folder: string;

beforeAll(async () => {
  latchkey = await startTestApp();
  await mkdir(join(root, 'node_modules/.cache'), { recursive: true });
  folder = await mkdtemp(join(root, 'node_modules/.cache/snippets-'));
});
afterAll(async () => {
  await latchkey.close();
  await rm(folder, { recursive: true });
});

async function blocks(page: string, language: string): Promise<string[]> {
  const text = await readFile(join(root, 'docs', page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, found, code]) =>
    found === language ? [code!] : [],
  );
}

async function runNode(source: string, env: Readonly<Record<string, string>>): Promise<string> {
  const file = join(folder, 'snippet.mjs');
  await writeFile(file, source);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { PATH: process.env['PATH'], ...env },
  });
  return stdout.trim();
}

describe('tokens.md: an API verifies an access token', () => {
  const identifier = 'https://api.example.com';
  let machine: TestClient;
  beforeAll(async () => {
    const scopes = ['read', 'write'].map((name) => ({ name }));
    await latchkey.run('apis.create', { identifier, scopes });
    machine = await latchkey.client({ type: 'machine', redirect_uris: undefined, apis: { [identifier]: ['*'] } });
  });

  const verify = async (authorization: string): Promise<string> => {
    const [code] = await blocks('tokens.md', 'js');
    const call = `console.log(await callerOf(process.env.AUTHORIZATION).catch(({ message }) => 'refused: ' + message));`;
    return runNode(`${code}\n${call}`, { ISSUER: latchkey.base, AUTHORIZATION: authorization });
  };

  test.each([
    ['with the scope', 'read', null],
    ['without the scope', 'write', 'refused: insufficient_scope'],
  ])('%s', async (_what, scope, refusal) => {
    const { access_token: token } = await clientTokens(latchkey, machine, { scope, resource: identifier });
    expect(await verify(`Bearer ${token}`)).toBe(refusal ?? machine.client_id);
  });

  test('of another audience', async () => {
    const other = 'https://other.example.com';
    await latchkey.run('apis.create', { identifier: other, scopes: [{ name: 'read' }] });
    const client = await latchkey.client({ type: 'machine', redirect_uris: undefined, apis: { [other]: ['*'] } });
    const { access_token: token } = await clientTokens(latchkey, client, { scope: 'read', resource: other });
    expect(await verify(`Bearer ${token}`)).toMatch(/^refused: .*aud/);
    expect(await verify('Bearer nothing')).toMatch(/^refused: /);
  });
});

/** It starts five processes, one of them an instance from nothing. */
test.runIf(process.env['FULL'])(
  'testing.md: a test of an application starts an instance of its own',
  async () => {
    const source = (await blocks('testing.md', 'js')).join('\n');
    const env = { LATCHKEY: join(root, 'bin/latchkey.mjs'), TEST_PORT: String(await freePort()) };
    expect(await runNode(source, env)).toMatch(/^\w+ usr_\w{26}$/);
  },
  180_000,
);

test('clients.md: a file of clients makes each once', async () => {
  const [json] = (await blocks('clients.md', 'json')).filter((code) => code.includes('"client_id": "shop"'));
  const clients = JSON.parse(json!) as { client_id: string }[];
  const create = (client: object) => latchkey.app.run('clients.create', { input: client });
  for (const client of clients) {
    expect(await create(client)).toMatchObject({ ok: true, result: { client_id: client.client_id } });
    expect(await create(client)).toMatchObject({ ok: false, code: 'clients.client_id_taken' });
  }
});

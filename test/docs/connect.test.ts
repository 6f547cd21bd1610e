import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCommand, connectPages } from '../../docs/write-connect.ts';
import { runCommandLine } from '../../src/main/cli-program.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = connectPages();
const index = read('docs/connect/README.md');

/** Where the version of the library of each relying party is pinned. */
const pinned: Readonly<Record<string, RegExpExecArray | null>> = {
  'openid-client': /"openid-client": "(.*)"/.exec(read('test/interop/package.json')),
  'express-openid-connect': /"express-openid-connect": "(.*)"/.exec(read('test/interop/package.json')),
  'auth-js': /"@auth\/express": "(.*)"/.exec(read('test/interop/package.json')),
  'oidc-client-ts': /"oidc-client-ts": "(.*)"/.exec(read('test/interop/package.json')),
  authlib: /^Authlib==(.*)$/m.exec(read('test/interop/peers/authlib/requirements.txt')),
  'go-oidc': /go-oidc\/v3 v(\S+)/.exec(read('test/interop/peers/go-oidc/go.mod')),
};

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp();
});
afterAll(() => latchkey.close());

/** The exit code of a command, with what it prints. */
async function run(words: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const code = await runCommandLine(words, {
    terminal: { stdout: stream, stderr: stream },
    env: { DATABASE_URL: 'postgres://x@127.0.0.1:1/x', LATCHKEY_SECRETS: 'a-secret-that-only-the-tests-know-01' },
    openApp: async () => ({ run: (name, given) => latchkey.app.run(name, given), close: async () => {} }),
  });
  return { code, text };
}

const products = pages.filter(({ file }) => file !== 'README.md');

describe('docs/connect', () => {
  test.each(pages)('$file contains the code that the tests run (npm run docs:connect)', ({ present, wanted }) => {
    expect(present).toBe(wanted);
  });

  test.each(products)('$file: its command creates a client', async ({ present }) => {
    expect(await run(clientCommand(present))).toEqual({ code: 0, text: expect.stringContaining('client_id') });
  });

  test('every relying party of the tests has its code on the page of its name', () => {
    const shown = pages.flatMap(({ file, sources }) => sources.map((path) => ({ file, peer: path.split('/')[3]! })));
    expect(shown.filter(({ file, peer }) => file !== `${peer}.md`)).toEqual([]);
    expect(new Set(shown.map(({ peer }) => peer))).toEqual(new Set(readdirSync(join(root, 'test/interop/peers'))));
  });

  test.each(Object.entries(pinned))('%s: the page names the version that the tests run', (name, version) => {
    expect(read(`docs/connect/${name}.md`)).toContain(` ${version?.[1]}`);
  });

  test.each(products)('the index leads to $file', ({ file }) => {
    expect(index).toContain(`](${file})`);
  });

  test.each(products)('$file says whether it was run', ({ present }) => {
    expect(present).toMatch(/^`test\/interop\/` runs|^Run by hand with |^Not run\./m);
  });
});

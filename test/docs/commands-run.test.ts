/** Every command and request on the pages about organizations and access, as it is written there, with ids that exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { runCommandLine } from '../../src/main/cli-program.ts';
import { clientTokens, machineWith } from '../support/api.ts';
import { startTestApp, type TestApp, testSecrets } from '../support/app.ts';
import { openDns, type TestDns } from '../support/dns.ts';

/** Refusals of commands whose object is not there: a page lists commands, it tells no story. */
const expected: ReadonlySet<string> = new Set([
  'organizations.already_member',
  'organizations.last_owner',
  'assignments.exists',
  'domains.join_request_not_found',
  'domains.connection_missing',
  'domains.connection_unknown',
]);

let dns: TestDns;
let latchkey: TestApp;
let token: string;
/** The id that came last, by its prefix. */
const ids = new Map<string, string>();
let machine: string;

beforeAll(async () => {
  dns = await openDns();
  latchkey = await startTestApp({ env: { DNS_SERVERS: dns.address } });
  ids.set('usr', (await latchkey.user()).id);
  const scopes = Object.keys(permissions);
  const client = await machineWith(latchkey, ...scopes);
  machine = client.client_id;
  token = (await clientTokens(latchkey, client, { scope: 'access.check' })).access_token;
});
afterAll(async () => {
  await latchkey.close();
  await dns.close();
});

/** The lines of the shell on a page; a line that ends with a backslash goes on. */
const linesOf = (page: string): string[] =>
  [...readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8').matchAll(/^```sh\n(.*?)^```/gms)]
    .flatMap(([, block]) => block!.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .filter((line) => /^(npx )?latchkey |^curl /.test(line));

/** As a shell does: quotes, and comments. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/\s#\s.*$/, '').matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain!,
  );

const filledIn = (word: string): string =>
  word
    .replaceAll(/\b([a-z]{3})_(?:…|[\da-z]{26}\b)/g, (text, prefix: string) => ids.get(prefix) ?? text)
    .replace(/^CLIENT_ID$/, machine)
    .replace(/^ORGANIZATION$/, ids.get('org') ?? '')
    .replace('https://id.example.com', latchkey.base)
    .replace('$TOKEN', token);

/** The answer of a command, as a program reads it. */
async function run(words: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const write = () => new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) });
  const code = await runCommandLine([...words, '--json'], {
    terminal: { stdout: write(), stderr: write() },
    env: { DATABASE_URL: 'postgres://nowhere', LATCHKEY_SECRETS: testSecrets },
    openApp: async () => ({ run: latchkey.app.run, close: async () => undefined }),
  });
  return { code, text };
}

function keep(text: string): void {
  for (const [id, prefix] of text.matchAll(/\b([a-z]{3})_[\da-z]{26}\b/g)) ids.set(prefix!, id);
  const record = /"record":\s*(\{[^}]*\})/.exec(text)?.[1];
  if (record === undefined) return;
  const { name, value } = JSON.parse(record) as { name: string; value: string };
  dns.records.set(name, [value]);
}

async function send([, url = '', ...options]: readonly string[]): Promise<number> {
  const valuesOf = (flag: string) => options.filter((_word, at) => options[at - 1] === flag);
  const headers = valuesOf('-H').map((header) => header.split(': ') as [string, string]);
  const [body] = valuesOf('-d');
  return (await fetch(url, { method: body === undefined ? 'GET' : 'POST', headers, ...(body ? { body } : {}) })).status;
}

test.each(['organizations.md', 'organization-policy.md', 'access.md'])('docs/%s', async (page) => {
  const lines = linesOf(page);
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    const words = wordsOf(line).map(filledIn);
    if (words[0] === 'curl') {
      expect(await send(words), line).toBe(200);
      continue;
    }
    const { code, text } = await run(words.slice(words[0] === 'npx' ? 2 : 1));
    const refusal = code === 0 ? null : (JSON.parse(text.trim().split('\n').at(-1)!) as { error: string }).error;
    if (refusal !== null) expect(expected.has(refusal) ? null : text, line).toBeNull();
    else keep(text);
  }
});

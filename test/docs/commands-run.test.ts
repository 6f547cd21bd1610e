/** Every command and request on the pages about the API, organizations, access, identity providers and migration, as it is written there, with ids and files that exist. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { permissions } from '#directory/access/permission.ts';
import { runCommandLine } from '../../src/main/cli-program.ts';
import { clientTokens, machineWith } from '../support/api.ts';
import { startTestApp, type TestApp, type TestClient, testSecrets } from '../support/app.ts';
import { auth0Import, firebaseConsole, firebaseExport, keycloakRealm } from '../support/other-products.ts';
import { openDns, type TestDns } from '../support/dns.ts';
import { samlKey } from '../support/saml-keys.ts';

/** Refusals of commands whose object is not there: a page lists commands, it tells no story. */
const expected: ReadonlySet<string> = new Set([
  'organizations.already_member',
  'organizations.last_owner',
  'assignments.exists',
  'domains.join_request_not_found',
  'domains.connection_missing',
  'domains.connection_unknown',
  'connections.no_token',
]);

let dns: TestDns;
let folder: string;
let latchkey: TestApp;
let token: string;
/** The id that came last, by its prefix. */
const ids = new Map<string, string>();
let machine: string;
let credentials: TestClient;
/** The entity tag of the last answer that had one. */
let tag = '';

/** The files that the pages name. */
async function makeFiles(): Promise<void> {
  const [present, next] = await Promise.all([samlKey('RSA 2048', 'latchkey'), samlKey('RSA 2048', 'latchkey')]);
  const p8 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const files = {
    'secret.txt': 'a shared secret',
    'AuthKey_ABC123DEFG.p8': p8,
    'key.pem': present.privateKey,
    'certificate.pem': present.certificate,
    'next-key.pem': next.privateKey,
    'next-certificate.pem': next.certificate,
    'new-users.json': JSON.stringify([{ email: 'new@example.com' }]),
    'changes.json': JSON.stringify([{ id: ids.get('usr'), nickname: 'Changed' }]),
    'people.jsonl': '{"email":"ada@people.example"}',
    'realm.json': JSON.stringify(keycloakRealm),
    'users.ndjson': '{"user_id":"auth0|7","email":"ada@auth0.example"}',
    'hashes.ndjson':
      '{"_id":{"$oid":"7"},"email":"ada@auth0.example","passwordHash":"$2b$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia"}',
    'import.json': JSON.stringify(auth0Import),
    'users.json': JSON.stringify(firebaseExport),
    'firebase.txt': firebaseConsole,
    'members.json': JSON.stringify([{ user_id: ids.get('usr') }, { email: 'ada@example.com' }]),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-docs-'));
  dns = await openDns();
  latchkey = await startTestApp({ env: { DNS_SERVERS: dns.address } });
  ids.set('usr', (await latchkey.user()).id);
  await makeFiles();
  const scopes = Object.keys(permissions);
  const client = await machineWith(latchkey, ...scopes);
  machine = client.client_id;
  credentials = client;
  token = (await clientTokens(latchkey, client, { scope: 'access.check identities.tokens.export' })).access_token;
});
afterAll(async () => {
  await latchkey.close();
  await dns.close();
  await rm(folder, { recursive: true });
});

/** The pages whose sentences hold commands, too, as steps of a list. */
const withinSentences: ReadonlySet<string> = new Set(['social.md']);

/** The lines of the shell on a page; a line that ends with a backslash goes on. */
const linesOf = (page: string): string[] =>
  [
    ...readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8').matchAll(
      /^ *```sh\n(.*?)^ *```|`(latchkey [^`]+)`/gms,
    ),
  ]
    .flatMap(([, block, command = '']) => {
      if (block !== undefined) return block.replaceAll(/\\\n\s*/g, ' ').split('\n');
      return withinSentences.has(page) ? [command.replaceAll('\n', ' ')] : [];
    })
    .map((line) => line.trim())
    .filter((line) => /^(npx )?latchkey |^curl |^TOKEN=/.test(line));

/** As a shell does: quotes, and comments. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/\s#\s.*$/, '').matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain!,
  );

const filledIn = (word: string): string =>
  word
    .replaceAll(/\b([a-z]{3})_(?:…|[\da-z]{26}\b)/g, (text, prefix: string) => ids.get(prefix) ?? text)
    .replace(/^CLIENT_ID$/, machine)
    .replace(/^[\w-]+\.(txt|json|jsonl|ndjson|csv|p8|pem)$/, (name) => join(folder, name))
    .replace('/users/USER/', `/users/${ids.get('usr')}/`)
    .replace(/^ORGANIZATION$/, ids.get('org') ?? '')
    .replace('https://id.example.com', latchkey.base)
    .replace('$TOKEN', token)
    .replace('$ETAG', tag);

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

/** The code of a refusal; null for a good answer. */
async function send(words: readonly string[]): Promise<string | null> {
  const valuesOf = (flag: string) => words.filter((_word, at) => words[at - 1] === flag);
  const headers = valuesOf('-H').map((header) => header.split(': ') as [string, string]);
  const [body] = valuesOf('-d');
  const [method = body === undefined ? 'GET' : 'POST'] = valuesOf('-X');
  const url = words.find((word) => /^https?:/.test(word)) ?? '';
  const answer = await fetch(url, { method, headers, ...(body ? { body } : {}) });
  const text = await answer.text();
  tag = answer.headers.get('etag') ?? tag;
  if (!answer.ok) return (JSON.parse(text) as { code: string }).code;
  keep(text);
  return null;
}

test.each([
  'social.md',
  'organizations.md',
  'organization-policy.md',
  'access.md',
  'api.md',
  'tokens.md',
  'migrating.md',
])('docs/%s', async (page) => {
  const lines = linesOf(page);
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    if (line.startsWith('TOKEN=')) {
      const [, scope = ''] = /scope=([^']+)'/.exec(line) ?? [];
      token = (await clientTokens(latchkey, credentials, { scope })).access_token;
      continue;
    }
    const words = wordsOf(line).map(filledIn);
    if (words[0] === 'curl') {
      const code = await send(words);
      // A request of the user, and the token here is of a machine.
      const isAnothers = line.includes('/me/') && code === 'api.insufficient_scope';
      expect(code === null || isAnothers || expected.has(code) ? null : code, line).toBeNull();
      continue;
    }
    const { code, text } = await run(words.slice(words[0] === 'npx' ? 2 : 1));
    const refusal = code === 0 ? null : (JSON.parse(text.trim().split('\n').at(-1)!) as { error: string }).error;
    if (refusal !== null) expect(expected.has(refusal) ? null : text, line).toBeNull();
    else keep(text);
  }
});

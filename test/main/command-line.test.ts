import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveCommands } from '#kernel/control.ts';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { type CommandEnded, runWords } from '../support/command-line.ts';
import { launch } from '../support/processes.ts';
import { tokensFor } from '../support/visitor.ts';

let latchkey: TestApp;
let dataFolder: string;
let control: { close(): Promise<void> };

/** The command line of a person whose server runs: it finds the socket in the data folder. */
beforeAll(async () => {
  latchkey = await startTestApp();
  dataFolder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
  control = await serveCommands({ dataFolder, run: latchkey.app.run, log: createLog({ level: 'silent' }) });
});
afterAll(async () => {
  await control.close();
  await latchkey.close();
  await rm(dataFolder, { recursive: true });
});

const run = (...words: string[]): Promise<CommandEnded> => runWords(words, { LATCHKEY_DATA: dataFolder });

describe('the command line', () => {
  test('sets a logo and custom rules from files, and reports their errors', async () => {
    const logo = join(dataFolder, 'logo.svg');
    const rules = join(dataFolder, 'rules.css');
    await writeFile(logo, '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h8v8z"/></svg>');
    await writeFile(rules, 'h1 {\n  background: url(//evil.example);\n}');
    expect(JSON.parse((await run('branding', 'logo', logo, '--dark', '--json')).stdout)).toEqual({ logo: 'changed' });
    expect(await run('branding', 'logo', '--remove', '--dark')).toMatchObject({ code: 0 });
    const refused = await run('branding', 'stylesheet', rules);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Line 2 loads a file with url(), which is not allowed.');
    expect(await run('branding', 'logo', join(dataFolder, 'nothing.png'))).toMatchObject({ code: 2 });
    expect(await run('branding', 'logo')).toMatchObject({ code: 2 });
    expect(await run('branding', 'client', 'nobody', '--change', '{"color":"#0a3fb5"}')).toMatchObject({ code: 1 });
  });

  test('creates a client and names the members as on the wire', async () => {
    const { code, stdout } = await run(
      'client',
      'create',
      '--name',
      'Shop',
      '--type',
      'web',
      '--redirect-uri',
      'https://shop.example/cb',
      '--redirect-uri',
      'https://shop.example/other',
      '--json',
    );
    expect(code).toBe(0);
    const made = JSON.parse(stdout) as Record<string, unknown>;
    expect(made).toMatchObject({
      client_name: 'Shop',
      redirect_uris: ['https://shop.example/cb', 'https://shop.example/other'],
    });
    expect(made['client_secret']).toEqual(expect.any(String));
    const shown = await run('client', 'show', String(made['client_id']), '--json');
    expect(shown.stdout).not.toContain(String(made['client_secret']));
  });

  test('creates a user with all standard claims', async () => {
    const { code, stdout } = await run(
      'user',
      'create',
      '--email',
      'ada@example.com',
      '--password',
      'correct horse battery staple 9',
      '--email-verified',
      '--given-name',
      'Ada',
      '--family-name',
      'Lovelace',
      '--zoneinfo',
      'Europe/London',
      '--address',
      '{"country":"UK"}',
      '--phone-number',
      '+442071234567',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      email: 'ada@example.com',
      email_verified: true,
      given_name: 'Ada',
      family_name: 'Lovelace',
      zoneinfo: 'Europe/London',
      address: { country: 'UK' },
      phone_number: '+442071234567',
    });
  });

  test('creates a client for Kubernetes, whose ID token alone names the user as the preview says', async () => {
    const creates = ['client', 'create', '--preset', 'kubernetes', '--name', 'kubectl'];
    const takes = ['--redirect-uri', 'http://localhost:8000', '--scope', 'openid profile email', '--json'];
    const made = await run(...creates, ...takes);
    expect([made.code, made.stderr]).toEqual([0, '']);
    const client = JSON.parse(made.stdout) as TestClient & Record<string, unknown>;
    expect(client).toMatchObject({ type: 'native', token_endpoint_auth_method: 'none' });
    const user = await latchkey.user({ name: 'Grace Hopper' });
    const asked = { scope: 'openid profile email' };
    // The tool listens on the port that is free.
    const at = { ...client, redirect_uris: ['http://localhost:18000'] };
    const { id_token } = await tokensFor(latchkey.base, at, user, asked);
    const said = { email: user.email, email_verified: false, name: 'Grace Hopper', groups: [] };
    expect(decodeJwt(id_token)).toMatchObject({ ...said, preferred_username: user.email.split('@')[0] });
    const words = ['client', 'preview-claims', client.client_id, '--user', user.email, '--json'];
    const shown = JSON.parse((await run(...words)).stdout) as { id_token: object };
    expect(shown.id_token).toMatchObject({ ...said, sub: user.id, aud: client.client_id });
    expect(await run(...words, '--user', 'nobody@example.com')).toMatchObject({ code: 1 });
  });

  test('takes a member that may be false, as true or false', async () => {
    const words = ['client', 'create', '--name', 'Old', '--type', 'web', '--redirect-uri', 'https://rp.example/cb'];
    const made = JSON.parse((await run(...words, '--require-pkce', 'false', '--json')).stdout) as TestClient;
    const shown = await run('client', 'show', made.client_id);
    expect(shown.stdout).toMatch(/require_pkce is false/);
    const changed = await run('client', 'change', made.client_id, '--metadata', '{"require_pkce":null}', '--json');
    expect(JSON.parse(changed.stdout)).not.toHaveProperty('require_pkce');
  });

  test.each([
    ['a user without an email address and a username', ['user', 'create'], 1, /email address/],
    ['a command that does not exist', ['user', 'befriend'], 2, /unknown command/],
    ['a client without a type or a preset', ['client', 'create', '--name', 'x'], 1, /type must be web, spa/],
    ['a client of no type', ['client', 'create', '--name', 'x', '--type', 'toaster'], 1, /web, spa, native, machine/],
    [
      'a redirect address that leads anywhere',
      ['client', 'create', '--name', 'x', '--type', 'web', '--redirect-uri', 'https://*.example/cb'],
      1,
      /redirect_uris/,
    ],
    ['an address that is taken', ['user', 'create', '--email', 'ADA@example.com'], 1, /Another user/],
    ['metadata that are no JSON', ['client', 'create', '--name', 'x', '--type', 'web', '--metadata', '{'], 2, /JSON/],
  ])('refuses %s with a sentence and the right exit code', async (_what, words, code, why) => {
    const ended = await run(...words);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(why);
    expect(ended.stderr).not.toMatch(/\bat .*:\d+:\d+/);
  });

  test.each([
    ['refuses', ['user', 'create', '--email', 'nobody', '--json'], 1, 'users.email_invalid'],
    ['cannot read', ['user', 'befriend', '--json'], 2, 'usage'],
  ])('is a process that says what it %s as JSON, with its exit code', async (_what, words, code, error) => {
    const ended = await launch(words, { LATCHKEY_DATA: dataFolder }).ended;
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(JSON.parse(ended.stderr)).toMatchObject({ error });
  });

  test('is a process whose answer is on its standard output', async () => {
    const ended = await launch(['audit', 'verify', '--json'], { LATCHKEY_DATA: dataFolder }).ended;
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(JSON.parse(ended.stdout)).toMatchObject({ intact: true });
  });

  test('imports users from a file and exports them, through the running node', async () => {
    const file = join(dataFolder, 'people.csv');
    await writeFile(
      file,
      'email,email_verified,password_hash\ncsv@example.com,true,{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=\nnobody,,\n',
    );
    const dry = await run('user', 'import', file, '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({ dry_run: true, lines: 2, created: 1, refused: 1 });
    const taken = await run('user', 'import', file);
    expect(taken.code).toBe(1);
    expect(taken.stdout).toMatch(/created\s+1\b[^]*line\s+3[^]*name@example\.com/);
    const back = await run('user', 'export', '--with-hashes');
    expect(back.code).toBe(0);
    const people = back.stdout.trim().split('\n');
    expect(people.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ email: 'csv@example.com', password_hash_format: 'ldap' }),
    );
  });

  test.each([
    ['a file that is not there', ['user', 'import', '/nowhere.jsonl'], /ENOENT/],
    ['a format that nobody knows', ['user', 'import', 'x', '--format', 'xml'], /jsonl, csv, keycloak, auth0, firebase/],
    ['an export to a spreadsheet', ['user', 'export', '--format', 'xlsx'], /jsonl or csv/],
  ])('refuses %s', async (_what, words, why) => {
    const ended = await run(...words);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(why);
    expect(ended.stderr).not.toMatch(/\bat .*:\d+:\d+/);
  });

  test('shows settings and keys', async () => {
    expect((await run('settings', 'list')).stdout).toContain('pkce');
    expect(JSON.parse((await run('keys', 'list', '--json')).stdout)).toMatchObject({
      keys: expect.any(Array) as unknown,
    });
  });

  test('uses a socket that only the owner may open', async () => {
    expect((await stat(join(dataFolder, 'control.sock'))).mode & 0o777).toBe(0o600);
  });
});

/** The relying parties that are server-side programs: how each is started, and what differs in how a person uses it. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, gist, type Person } from './person.ts';
import type { Client } from './product.ts';
import { answers, outputOf, type Program, start } from './programs.ts';

export type Given = { issuer: string; base: string; port: number; client: Client; folder: string };
export type Shown = { email: unknown; name: unknown };
/** `seen` is what the application answered, for messages. */
export type Renewal = { email: unknown; isRenewed: boolean; seen: string };

/** A server-side relying party. The functions take the address of the running program. */
export type Peer = {
  name: string;
  /** Name and version of the library, as it is installed. */
  version(): Promise<string>;
  run(given: Given): Promise<Program>;
  /** Presses what signs in; returns the page that this leads to. */
  begin(person: Person, base: string): Promise<Answer>;
  /** The user who is signed in there in this browser; null without one. */
  who(person: Person, base: string): Promise<Shown | null>;
  /** Renews the tokens of this browser and uses the new access token. */
  renew(person: Person, base: string): Promise<Renewal>;
  logout: string;
  /** Whether this page of the application says that the user refused. */
  saysRefused(page: Answer): boolean;
};

const installed = join(import.meta.dirname, '.installed');
const folderOf = (name: string) => join(import.meta.dirname, 'peers', name);
const secret = 'a-secret-of-this-run-32-characters-or-more';

/** How a person uses a program with the addresses /login, /me, /refresh and /logout. */
const usual: Omit<Peer, 'name' | 'version' | 'run'> = {
  begin: (person, base) => person.open(`${base}/login`),
  async who(person, base) {
    const { status, json } = await person.look(`${base}/me`);
    return status === 200 ? { email: json['email'], name: json['name'] } : null;
  },
  async renew(person, base) {
    const page = await person.look(`${base}/refresh`);
    return { email: page.json['email'], isRenewed: page.json['renewed'] === true, seen: gist(page) };
  },
  logout: '/logout',
  saysRefused: ({ text }) => text.includes('access_denied'),
};

const openidClient: Peer = {
  ...usual,
  name: 'openid-client',
  version: () => npmVersion('openid-client'),
  run: (given) => nodeProgram('openid-client', given),
};

const expressOpenidConnect: Peer = {
  ...usual,
  name: 'express-openid-connect',
  version: () => npmVersion('express-openid-connect'),
  run: (given) => nodeProgram('express-openid-connect', given, { SESSION_SECRET: secret }),
};

const authJs: Peer = {
  ...usual,
  name: 'auth-js',
  version: () => npmVersion('@auth/express'),
  run: (given) => nodeProgram('auth-js', given, { AUTH_SECRET: secret }),
  async begin(person, base) {
    return person.submit(await person.open(`${base}/auth/signin`));
  },
  // Its page for a sign-in that failed names no reason of the provider.
  saysRefused: ({ url }) => new URL(url).searchParams.get('error') === 'OAuthCallbackError',
};

const authlib: Peer = {
  ...usual,
  name: 'authlib',
  async version() {
    const python = join(installed, 'venv/bin/python');
    const script = "import importlib.metadata as m; print('Authlib', m.version('Authlib'))";
    return (await outputOf({ name: 'python', command: python, args: ['-c', script], env: {} })).trim();
  },
  async run(given) {
    const { privateFile } = await keysIn(given.folder);
    const command = join(installed, 'venv/bin/python');
    const env = { ...variables(given), PRIVATE_KEY_FILE: privateFile };
    return started(given, { command, args: [join(folderOf('authlib'), 'app.py')], env });
  },
};

const goOidc: Peer = {
  ...usual,
  name: 'go-oidc',
  async version() {
    const text = await readFile(join(folderOf('go-oidc'), 'go.mod'), 'utf8');
    return `go-oidc ${/go-oidc\/v3 v(\S+)/.exec(text)?.[1] ?? '?'}`;
  },
  run: (given) => started(given, { command: join(installed, 'go-oidc'), args: [], env: variables(given) }),
};

const modAuthOpenidc: Peer = {
  ...usual,
  name: 'mod-auth-openidc',
  async version() {
    const args = ['-W', '-f', '${Version}', 'libapache2-mod-auth-openidc'];
    return `mod_auth_openidc ${await outputOf({ name: 'dpkg-query', command: 'dpkg-query', args, env: {} })}`;
  },
  async run(given) {
    const { folder } = given;
    const isRoot = process.getuid?.() === 0;
    await keysIn(folder);
    await mkdir(join(folder, 'site'));
    for (const path of ['index.html', 'signed-out']) await writeFile(join(folder, 'site', path), `<h1>${path}</h1>`);
    // Apache drops its rights to this user, who then writes its caches here.
    const user = isRoot ? 'www-data' : `#${process.getuid?.()}`;
    if (isRoot)
      await chown(folder, Number(await outputOf({ name: 'id', command: 'id', args: ['-u', user], env: {} })), 0);
    const configuration = folderOf('mod-auth-openidc');
    const env = {
      ...variables(given),
      FOLDER: folder,
      KEYS: folder,
      PASSPHRASE: secret,
      USER_NAME: user,
      LATCHKEY_CONF: join(configuration, 'latchkey.conf'),
    };
    const args = ['-f', join(configuration, 'server.conf'), '-DFOREGROUND'];
    const program = await started(given, { command: '/usr/sbin/apache2', args, env }, '/signed-out');
    const log = join(folder, 'error.log');
    return { ...program, output: () => `${program.output()}${readFileSync(log, 'utf8')}` };
  },
  begin: (person, base) => person.open(`${base}/`),
  async who(person, base) {
    const { status, headers } = await person.look(`${base}/`);
    return status === 200 ? { email: headers.get('x-user'), name: headers.get('x-name') } : null;
  },
  async renew(person, base) {
    const shown = (query: string) => person.look(`${base}/callback?info=json${query}`);
    const { json: before } = await shown('');
    const page = await shown('&access_token_refresh_interval=0');
    const { access_token: after, userinfo } = page.json;
    const { email } = (userinfo ?? {}) as Record<string, unknown>;
    return { email, isRenewed: after !== undefined && after !== before['access_token'], seen: gist(page) };
  },
  logout: '/callback?logout=',
  // This version takes an answer with an error and the issuer (RFC 9207) for a sign-in that another site begins.
  saysRefused: ({ text }) => text.includes('Invalid Request') && text.includes('target_link_uri'),
};

export const serverSide: readonly Peer[] = [
  openidClient,
  modAuthOpenidc,
  authlib,
  expressOpenidConnect,
  authJs,
  goOidc,
];

/** Version of a package that is installed for this suite. */
export async function npmVersion(name: string): Promise<string> {
  const file = join(import.meta.dirname, 'node_modules', name, 'package.json');
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return `${name} ${version}`;
}

const variables = ({ issuer, base, port, client }: Given): Record<string, string> => ({
  ISSUER: issuer,
  BASE_URL: base,
  PORT: String(port),
  CLIENT_ID: client.client_id,
  ...(client.client_secret === undefined ? {} : { CLIENT_SECRET: client.client_secret }),
});

const nodeProgram = (name: string, given: Given, env: Record<string, string> = {}): Promise<Program> =>
  started(given, {
    command: process.execPath,
    args: [join(folderOf(name), 'app.mjs')],
    env: { ...variables(given), ...env },
  });

async function started(
  { base }: Given,
  how: { command: string; args: string[]; env: Record<string, string> },
  path = '/',
): Promise<Program> {
  const program = start({ name: how.command, ...how });
  await answers(program, `${base}${path}`);
  return program;
}

/** An RSA key pair in files, for authentication by private_key_jwt. */
async function keysIn(folder: string): Promise<{ privateFile: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateFile = join(folder, 'private.pem');
  await writeFile(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await chmod(privateFile, 0o644);
  await writeFile(join(folder, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateFile };
}

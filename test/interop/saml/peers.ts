/** The programs that meet: each has a place of its own, a role, and a way in which a person uses it. */
import { chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '../../support/visitor.ts';
import { must } from '../matrix.ts';
import { answers, freePort, outputOf, type Program, start } from '../programs.ts';
import { type Authority, createPair, type Pair } from './authority.ts';
import type { Browser } from './browser.ts';

/** The folder and the authority that all programs of a run share. */
export type Ground = { folder: string; authority: Authority };

export type Peer = {
  name: string;
  version: string;
  entityId: string;
  base: string;
  /** The hosts that keep something of it in a browser, its own first. */
  hosts: readonly string[];
  metadata(): Promise<string>;
  /** From now on the other side is who this metadata says, and nobody else. */
  trust(...metadata: string[]): Promise<void>;
  /** Signs out the user of the browser who opens it. */
  signOutUrl: string;
  /** The columns that it cannot do, with the reason. */
  lacks: Readonly<Record<string, string>>;
  /** The words of the program, for messages. */
  output(): string;
};

/** The user, as an application knows them. */
export type Known = { name: string; format: string | null; attributes: Record<string, string | string[]> };
export type Format = keyof typeof formats;
export type Wish = { forceAuthn?: boolean; format?: Format };

export type ServiceProvider = Peer & {
  /** Presses what signs in; the page where that leads. */
  begin(browser: Browser, wish?: Wish): Promise<Page>;
  /** The user of this browser there; null without one. */
  who(browser: Browser): Promise<Known | null>;
  signOut(browser: Browser): Promise<Page>;
};

export type Person = { username: string; password: string; attributes: Record<string, string[]> };

export type IdentityProvider = Peer & {
  /** Answers the page that asks who signs in. */
  answer(browser: Browser, page: Page, person: Person): Promise<Page>;
  asks(page: Page): boolean;
  signOut(browser: Browser): Promise<Page>;
  encrypt(isWanted: boolean): Promise<void>;
  /** Shows the key that follows in the metadata, beside the one that signs. */
  announceKey(): Promise<void>;
  /** Signs with the key that was announced; without one, with a key that no metadata has shown. */
  changeKey(): Promise<void>;
};

/** The keys of a program that gets them from files: `apply` hands it the one that signs and the one that follows. */
export async function changingKeys(
  name: string,
  apply: (pair: Pair, next: Pair | undefined) => Promise<void>,
): Promise<Pick<IdentityProvider, 'announceKey' | 'changeKey'>> {
  let pair = await createPair(name);
  let next: Pair | undefined;
  await apply(pair, next);
  return {
    async announceKey() {
      next = await createPair(name);
      await apply(pair, next);
    },
    async changeKey() {
      pair = next ?? (await createPair(name));
      next = undefined;
      await apply(pair, next);
    },
  };
}

/** Formats of the name that an assertion gives a person. */
export const formats = {
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
} as const;

export const sourcesOf = (name: string): string => join(import.meta.dirname, name);

export type Place = { name: string; folder: string; host: string; base: string; env: Record<string, string> };

/** Folder, host and port of a program. */
export async function placeFor({ folder: work, authority }: Ground, name: string): Promise<Place> {
  const [folder, port, host] = [join(work, name), await freePort(), `${name}.localhost`];
  const base = `https://${host}:${port}`;
  await mkdir(folder);
  const env = {
    FOLDER: folder,
    HOST: host,
    PORT: String(port),
    BASE_URL: base,
    TLS_CERTIFICATE: authority.certificate,
    TLS_KEY: authority.key,
  };
  return { name, folder, host, base, env };
}

/** Starts Apache with the `server.conf` of these sources. It works as a user without rights, who may write in the folder. */
export async function startApache(
  { name, folder, base, env }: Place,
  sources: string,
  path: string,
  more: Record<string, string> = {},
): Promise<Program> {
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? 'www-data' : `#${process.getuid?.()}`;
  if (isRoot) {
    const id = Number(await outputOf({ name: 'id', command: 'id', args: ['-u', user], env: {} }));
    for (const each of ['.', ...(await readdir(folder, { recursive: true }))]) await chown(join(folder, each), id, 0);
  }
  const args = ['-f', join(sources, 'server.conf'), '-DFOREGROUND'];
  const program = start({ name, command: '/usr/sbin/apache2', args, env: { ...env, ...more, USER_NAME: user } });
  await answers(program, `${base}${path}`);
  return program;
}

/** The words of a program, and the ends of its files of messages. */
export function saidBy(program: Program, ...files: string[]): () => string {
  const ends = () => files.filter(existsSync).map((file) => readFileSync(file, 'utf8').slice(-20_000));
  return () => [program.output(), ...ends()].join('\n');
}

export async function fetchText(url: string): Promise<string> {
  const answer = await fetch(url);
  const text = await answer.text();
  must(answer.ok, `${url} answers ${answer.status}: ${text.slice(0, 300)}`);
  return text;
}

export async function debianVersion(name: string): Promise<string> {
  const args = ['-W', '-f', '${Version}', name];
  return `${name} ${await outputOf({ name: 'dpkg-query', command: 'dpkg-query', args, env: {} })}`;
}

export async function readJson(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
}

export const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFile(file, JSON.stringify(value, null, 2));

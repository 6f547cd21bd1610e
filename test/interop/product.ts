/** The product of a run, started and operated as an operator does: a process with the embedded database, and commands. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientCommand } from '../../docs/write-connect.ts';
import { type Front, startFront } from './front.ts';
import type { Account } from './person.ts';
import { answers, freePort, outputOf, start } from './programs.ts';

export type Client = { client_id: string; client_secret?: string };
export type Product = {
  issuer: string;
  front: Front;
  /** Runs a command of the command line and returns what it prints with `--json`. */
  command(words: readonly string[]): Promise<Record<string, unknown>>;
  output(): string;
};

const root = join(import.meta.dirname, '../..');
const door = join(root, 'bin/latchkey.mjs');

/** Starts it on a new data folder. Addresses of this machine are allowed for outgoing requests: relying parties are here. */
export async function startProduct(folder: string): Promise<Product> {
  const [front, port] = [await startFront(), await freePort()];
  front.serve(port);
  const issuer = `http://localhost:${front.port}`;
  const env = { PORT: String(port), ISSUER: issuer, LATCHKEY_DATA: join(folder, 'data'), OUTBOUND_ALLOW: '127.0.0.1' };
  const program = start({ name: 'latchkey', command: process.execPath, args: [door, 'serve'], env, cwd: root });
  await answers(program, `${issuer}/readyz`);
  return {
    issuer,
    front,
    output: program.output,
    async command(words) {
      const args = [door, ...words, '--json'];
      const out = await outputOf({
        name: `latchkey ${words.join(' ')}`,
        command: process.execPath,
        args,
        env,
        cwd: root,
      });
      return JSON.parse(out) as Record<string, unknown>;
    },
  };
}

export async function createUser(product: Product, { email, password, name }: Account): Promise<void> {
  await product.command([
    'user',
    'create',
    '--email',
    email,
    '--email-verified',
    '--password',
    password,
    '--name',
    name,
  ]);
}

/** Runs the command of a page of docs/connect, with the address of the application in place of the one on the page. */
export async function createClient(product: Product, page: string, base: string): Promise<Client> {
  const text = await readFile(join(root, 'docs/connect', `${page}.md`), 'utf8');
  const words = clientCommand(text).map((word) => word.replaceAll('https://app.example.com', base));
  if (words.length === 0) throw new Error(`docs/connect/${page}.md has no command that creates a client`);
  return (await product.command(words)) as Client;
}

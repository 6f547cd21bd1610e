/** The product as its operator starts it, and the clients, APIs and people that the load needs. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '#kernel/config.ts';
import { execute } from '../../src/main/cli-run.ts';
import { givenTo } from '../support/operations.ts';
import { run, stop, untilReady } from './children.ts';
import type { Person } from './sign-in.ts';

export type Product = {
  child: ChildProcess;
  port: number;
  /** From the command to the first ready answer. */ millisecondsToReady: number;
  stop(): Promise<void>;
};

const door = join(import.meta.dirname, '../../bin/latchkey.mjs');

/** The variables that an operator sets; nothing else of this process's environment matters. */
export function productEnvironment(
  port: number,
  dataFolder: string,
  backends: { databaseUrl: string; redisUrl: string } | null,
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    NODE_ENV: 'production',
    PORT: String(port),
    LATCHKEY_DATA: dataFolder,
    LATCHKEY_SECRETS: 'a-key-ring-secret-of-the-bench-alone-1',
    WEB_CONCURRENCY: '1',
    ...(backends ? { DATABASE_URL: backends.databaseUrl, REDIS_URL: backends.redisUrl } : {}),
  };
}

export async function startProduct(env: Record<string, string>, folder: string): Promise<Product> {
  const log = openSync(join(folder, 'product.log'), 'a');
  const begin = performance.now();
  const child = run(process.execPath, [door, 'serve'], { env, stdout: log });
  closeSync(log);
  const port = Number(env['PORT']);
  await untilReady(port, child);
  return { child, port, millisecondsToReady: performance.now() - begin, stop: () => stop(child, 'SIGINT') };
}

export type Prepared = {
  client: { client_id: string; client_secret: string; redirect_uris: string[] };
  authorization: string;
  apis: { identifier: string; alg: 'ES256' | 'RS256' }[];
  people: Person[];
  /** A machine client that asks what the members of an organization may do there. */
  service: { authorization: string; organizationId: string; memberIds: string[] };
};

/** Settings that differ from the defaults: no request leaves the machine, and one service asks as often as it can. */
export const raised = { 'password.breachCheck': 'false', 'limits.apiCallsPerMinute': '10000000' } as const;

export const redirectUri = 'http://127.0.0.1:9/cb';

/** Runs operations through the command line's own way in, while the product does not run. */
export function commandsIn(env: Record<string, string>) {
  const config = readConfig(env);
  return async <T>(name: string, input: object): Promise<T> => {
    const answer = await execute(
      { words: name, config, terminal: process },
      { name, isList: false },
      givenTo(name, input),
    );
    if (!answer.ok) throw new Error(`${name}: ${answer.message}`);
    return answer.result as T;
  };
}

export const basic = (of: Pick<Prepared['client'], 'client_id' | 'client_secret'>): string =>
  `Basic ${Buffer.from(`${of.client_id}:${of.client_secret}`).toString('base64')}`;

export async function prepare(env: Record<string, string>, people: number): Promise<Prepared> {
  const command = commandsIn(env);
  const apis = (['ES256', 'RS256'] as const).map((alg) => ({
    identifier: `https://${alg.toLowerCase()}.example.com`,
    alg,
  }));
  for (const [name, value] of Object.entries(raised)) await command('settings.update', { name, value });
  for (const { identifier, alg } of apis)
    await command('apis.create', { identifier, token_format: 'jwt', signing_alg: alg, scopes: [{ name: 'read' }] });
  const client = await command<Prepared['client']>('clients.create', {
    name: 'Bench',
    type: 'web',
    first_party: true,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    apis: Object.fromEntries(apis.map(({ identifier }) => [identifier, ['*']])),
  });
  const made: Person[] = [];
  const memberIds: string[] = [];
  const organization = await command<{ id: string }>('organizations.create', { name: 'Bench' });
  for (let i = 0; i < people; i += 1) {
    const person = { email: `person-${i}@example.com`, password: randomBytes(12).toString('base64url') };
    const { id } = await command<{ id: string }>('users.create', {
      ...person,
      name: 'Ada Lovelace',
      email_verified: true,
    });
    await command('organizations.members.create', {
      organization_id: organization.id,
      user_id: id,
      roles: ['TENANT_ADMIN'],
    });
    made.push(person);
    memberIds.push(id);
  }
  const asking = await command<Prepared['client']>('clients.create', {
    name: 'Service',
    type: 'machine',
    apis: { 'urn:latchkey:api': ['access.check'] },
  });
  const service = { authorization: basic(asking), organizationId: organization.id, memberIds };
  return { client, authorization: basic(client), apis, people: made, service };
}

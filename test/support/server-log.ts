/** The statements and commands that PostgreSQL and Redis received, from their logs: for tests on servers only. */
import { Redis } from 'ioredis';
import type { PoolClient } from 'pg';
import { startTestApp, type TestApp } from './app.ts';

export type Asked = {
  /** `GET /oidc/auth`: the request during which it was asked. */
  during: string;
  text: string;
};

export type ServerLog = {
  latchkey: TestApp;
  /** Begins to count for the next request. */
  begin(request: string): void;
  requests: readonly string[];
  /** Without those that only open and close a transaction. */
  statements: readonly Asked[];
  /** The commits: each transaction and each single statement that wrote something. */
  commits: readonly Asked[];
  redisCommands: readonly Asked[];
  /** Waits until the servers have told everything. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

type Notice = { message?: string | undefined };

/** PostgreSQL says each statement that it runs to the connection that asked for it. */
const TOLD = '-c log_statement=all -c client_min_messages=log';
const isFrame = /^(begin|start transaction|commit|rollback|savepoint|release)\b/i;
const isWrite = /(^|\)|\(|,)\s*(insert into|update|delete from)\s/i;

export async function startLoggedApp(options: Parameters<typeof startTestApp>[0] = {}): Promise<ServerLog> {
  process.env['PGOPTIONS'] = TOLD;
  const latchkey = await startTestApp(options);
  const [requests, statements, commits, redisCommands]: [string[], Asked[], Asked[], Asked[]] = [[], [], [], []];
  let during = '';

  const followed = new WeakSet<PoolClient>();
  latchkey.app.database.pool!.on('acquire', (client) => {
    if (followed.has(client)) return;
    followed.add(client);
    let written: string | null = null;
    let isInTransaction = false;
    client.on('notice', ({ message = '' }: Notice) => {
      const [, told] = /^(?:statement|execute [^:]*): ([\s\S]*)$/.exec(message) ?? [];
      // The record is sealed, and activity is written, behind the requests.
      if (told === undefined || during === '' || told.startsWith('/* sealer */') || told.startsWith('/* activity */'))
        return;
      const text = told.trim().replace(/\s+/g, ' ');
      if (isWrite.test(text)) written = text;
      if (isFrame.test(text))
        isInTransaction = /^(begin|start)/i.test(text) || (isInTransaction && !/^(commit|rollback)/i.test(text));
      else statements.push({ during, text });
      if (isInTransaction) return;
      if (written !== null && !/^rollback/i.test(text)) commits.push({ during, text: written });
      written = null;
    });
  });

  const { redisUrl } = latchkey.config;
  const redis = new Redis(redisUrl!);
  const monitor = new Redis(redisUrl!, { monitor: true });
  // A command of another test may arrive together with the answer to MONITOR: ioredis reports an error, and goes on.
  monitor.on('error', () => undefined);
  await new Promise<void>((resolve) => monitor.once('monitoring', resolve));
  const { pathname } = new URL(redisUrl!);
  monitor.on('monitor', (_time: string, words: string[], source: string, database: string) => {
    // A script counts once, whatever it asks inside; pings belong to no request.
    if (`/${database}` !== pathname || source === 'lua' || words[0] === 'ping' || during === '') return;
    redisCommands.push({ during, text: words.map((word) => word.slice(0, 60)).join(' ') });
  });

  return {
    latchkey,
    requests,
    statements,
    commits,
    redisCommands,
    begin(request) {
      during = request;
      requests.push(request);
    },
    async settle() {
      const mark = `settled-${performance.now()}`;
      const told = new Promise<void>((resolve) =>
        monitor.on('monitor', (_time: string, words: string[]) => words.includes(mark) && resolve()),
      );
      during = '';
      await redis.echo(mark);
      await told;
    },
    async close() {
      monitor.disconnect();
      redis.disconnect();
      await latchkey.close();
      delete process.env['PGOPTIONS'];
    },
  };
}

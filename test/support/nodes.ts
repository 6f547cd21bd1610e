/** More processes of the product on the database of a test application: nodes behind one issuer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestApp, type TestClient, freePort, testSecrets } from './app.ts';

export type Answer = {
  status: number;
  retryAfter: string | null;
  location: URL | null;
  body: Record<string, unknown> & { access_token: string; refresh_token: string };
};
export type Send = (
  path: string,
  options?: { method?: string; form?: Record<string, string>; json?: object; headers?: Record<string, string> },
) => Promise<Answer>;
export type Node = { send: Send; stop(): Promise<void> };

/** Requests to one port in the name of the issuer, over connections that stay open. */
export function sender(issuer: string, port: number): { send: Send; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const send: Send = async (path, { method, form, json, headers = {} } = {}) => {
    const body = form ? new URLSearchParams(form).toString() : json && JSON.stringify(json);
    const mediaType = form ? 'application/x-www-form-urlencoded' : 'application/json';
    const type =
      body === undefined ? {} : { 'content-type': mediaType, 'content-length': String(Buffer.byteLength(body)) };
    const req = request({
      host: '127.0.0.1',
      port,
      path,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      agent,
      headers: { host: new URL(issuer).host, accept: 'application/json', ...type, ...headers },
    });
    req.end(body);
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of res) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const { location } = res.headers;
    return {
      status: res.statusCode ?? 0,
      retryAfter: res.headers['retry-after'] ?? null,
      location: location === undefined ? null : new URL(location, issuer),
      body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Answer['body'],
    };
  };
  return { send, close: () => agent.destroy() };
}

/** One more process of the product, ready to answer. */
export async function startNode({ config }: TestApp, env: Record<string, string> = {}): Promise<Node> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main/cli.ts'), 'serve'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/latchkey'),
      PORT: String(port),
      ISSUER: config.issuer,
      LATCHKEY_SECRETS: testSecrets,
      DATABASE_URL: config.databaseUrl ?? '',
      ...(config.redisUrl ? { REDIS_URL: config.redisUrl } : {}),
      WEB_CONCURRENCY: '1',
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = once(child, 'exit');
  const { send, close } = sender(config.issuer, port);
  for (let tries = 0; ; tries += 1) {
    const answer = await send('/readyz').catch(() => null);
    if (answer?.status === 200) break;
    if (tries > 200 || child.exitCode !== null) throw new Error(`the node does not get ready: ${output}`);
    await sleep(50);
  }
  return {
    send,
    async stop() {
      close();
      child.kill('SIGINT');
      await ended;
    },
  };
}

export const basic = ({
  client_id,
  client_secret,
}: Pick<TestClient, 'client_id' | 'client_secret'>): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`,
});

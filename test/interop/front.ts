/**
 * A proxy in front of the product, as most instances have one. It can hold the refreshes of a client until several have come,
 * so that they are parallel for certain: a slow application could use the new refresh token before the last request left.
 */
import { Agent, createServer, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type Front = {
  port: number;
  /** Holds the next refreshes of the client until there are so many; answers how many came together. */
  hold(clientId: string, count: number): Promise<number>;
  /** From now on requests go to this port. */
  serve(port: number): void;
  close(): Promise<void>;
};

const HELD_AT_MOST_MS = 10_000;

type Hold = { join(): Promise<void> };

/** Listens on a free port of this machine. */
export async function startFront(): Promise<Front> {
  const holds = new Map<string, Hold>();
  // A connection for each request: a server may close an idle one in the moment of the next request.
  const agent = new Agent({ keepAlive: false });
  let target = 0;
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const answer = async (): Promise<void> => {
      const body = await buffer(request);
      if (url === '/oidc/token') await holds.get(refreshingClient(headers, body.toString()) ?? '')?.join();
      const onward = httpRequest({ host: '127.0.0.1', port: target, method, path: url, headers, agent }, (back) => {
        response.writeHead(back.statusCode ?? 502, back.rawHeaders);
        back.pipe(response);
      });
      onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
      onward.end(body);
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    serve: (port) => void (target = port),
    hold: (clientId, count) =>
      new Promise((released) => {
        const waiting: (() => void)[] = [];
        const release = (): void => {
          clearTimeout(timer);
          holds.delete(clientId);
          released(waiting.length);
          for (const go of waiting) go();
        };
        const timer = setTimeout(release, HELD_AT_MOST_MS);
        holds.set(clientId, {
          join: () =>
            new Promise((go) => {
              waiting.push(go);
              if (waiting.length === count) release();
            }),
        });
      }),
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
    },
  };
}

/** The client of a refresh, by the way in which it authenticates; null for another grant. */
function refreshingClient(headers: IncomingHttpHeaders, body: string): string | null {
  const form = new URLSearchParams(body);
  if (form.get('grant_type') !== 'refresh_token') return null;
  const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ');
  const text = (base64: string) => Buffer.from(base64, 'base64').toString();
  if (scheme === 'Basic') return decodeURIComponent(text(credentials).split(':')[0] ?? '');
  const assertion = form.get('client_assertion')?.split('.')[1];
  if (assertion === undefined) return form.get('client_id');
  return String((JSON.parse(text(assertion)) as { sub: unknown }).sub);
}

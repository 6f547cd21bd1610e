/** A cache on loopback in front of the provider, which keeps each answer to the last second that its headers allow (RFC 9111). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type SlowCache = {
  url: string;
  /** Whole answers of the provider, and answers that nothing has changed. */
  fetched: { fresh: number; unchanged: number };
  close(): Promise<void>;
};

type Kept = { body: string; type: string; etag: string | null; until: number };

export async function startSlowCache(origin: string): Promise<SlowCache> {
  const kept = new Map<string, Kept>();
  const fetched = { fresh: 0, unchanged: 0 };

  async function load(path: string): Promise<Kept> {
    const old = kept.get(path);
    if (old && Date.now() < old.until) return old;
    const answer = await fetch(origin + path, { headers: old?.etag ? { 'if-none-match': old.etag } : {} });
    const { headers } = answer;
    const rules = headers.get('cache-control') ?? '';
    const [, seconds = '0'] = /(?:^|[\s,])max-age=(\d+)/.exec(rules) ?? [];
    const until = /no-cache|no-store/.test(rules) ? 0 : Date.now() + Number(seconds) * 1000;
    const isUnchanged = answer.status === 304 && old !== undefined;
    fetched[isUnchanged ? 'unchanged' : 'fresh'] += 1;
    const now = isUnchanged
      ? { ...old, until }
      : { body: await answer.text(), type: headers.get('content-type') ?? '', etag: headers.get('etag'), until };
    kept.set(path, now);
    return now;
  }

  const server = createServer((req, res) => {
    load(req.url ?? '/').then(
      ({ body, type }) => res.writeHead(200, { 'content-type': type }).end(body),
      () => res.writeHead(502).end(),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fetched,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** The reference: Node's own HTTP server with fixed responses, in its own process. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Page = { path: string; headers: Record<string, string>; body: string };

const pages = new Map(
  (JSON.parse(readFileSync(process.env['BENCH_PAGES'] ?? '', 'utf8')) as Page[]).map(({ path, headers, body }) => [
    path,
    { headers, body: Buffer.from(body) },
  ]),
);

const server = createServer((req, res) => {
  const page = pages.get(req.url ?? '');
  if (!page) {
    res.writeHead(404).end();
    return;
  }
  res.writeHead(200, page.headers).end(page.body);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

/** Starts Node's own server with the responses of the product to some requests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from './bare-http.ts';
import { Worker } from './children.ts';
import type { Work } from './load.ts';
import { Connection } from './wire.ts';

/** It answers body and headers of the product, but for those that Node itself writes. */
export async function startBareSide(
  ourPort: number,
  work: Work,
  folder: string,
): Promise<{ worker: Worker; port: number }> {
  const pages = new Map<string, Page>();
  const connection = new Connection(ourPort);
  for (const request of work.kind === 'requests' ? work.requests : []) {
    const path = request.split(' ', 2)[1] ?? '';
    if (pages.has(path)) continue;
    const { status, head, body } = await connection.send(request);
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
    const headers = [...head.matchAll(/\r\n([^:\r]+): *([^\r]*)/g)]
      .map(([, name = '', value = '']): [string, string] => [name, value])
      .filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name.toLowerCase()));
    pages.set(path, { path, headers: Object.fromEntries(headers), body });
  }
  connection.close();
  const file = join(folder, 'pages.json');
  writeFileSync(file, JSON.stringify([...pages.values()]));
  const { worker, first } = await Worker.start<{ port: number }>('bare-http.ts', { BENCH_PAGES: file });
  return { worker, port: first.port };
}

/** The back channel of a relying party on loopback that remembers what it was sent, and may be told to fail first. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type LogoutListener = {
  url: string;
  /** Bodies of the requests in the order they came, refused ones too. */
  received: URLSearchParams[];
  headers: Record<string, string | string[] | undefined>[];
  /** Statuses of the next answers; 200 when none is left. */
  answers: number[];
  /** Waits until that many requests came. */
  waitFor(count: number, milliseconds?: number): Promise<void>;
  close(): Promise<void>;
};

export async function startLogoutListener(): Promise<LogoutListener> {
  const received: URLSearchParams[] = [];
  const headers: LogoutListener['headers'] = [];
  const answers: number[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      received.push(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
      headers.push(req.headers);
      res.writeHead(answers.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    headers,
    answers,
    async waitFor(count, milliseconds = 50_000) {
      const end = performance.now() + milliseconds;
      while (received.length < count) {
        if (performance.now() > end) throw new Error(`${received.length} of ${count} requests came`);
        await new Promise((resolve) => void setTimeout(resolve, 20));
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

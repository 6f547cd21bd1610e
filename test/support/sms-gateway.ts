/** A gateway for text messages on loopback that keeps what it gets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type SmsGateway = {
  /** For `startTestApp`; `sms.countries` must allow the numbers. */
  env: { SMS_URL: string; SMS_SECRET: string; OUTBOUND_ALLOW: string };
  texts: { to: string; text: string }[];
  /** The code of the newest message to a number; waits for it. */
  codeFor(to: string): Promise<string>;
  close(): void;
};

export async function openSmsGateway(): Promise<SmsGateway> {
  const texts: SmsGateway['texts'] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      texts.push((JSON.parse(body) as { data: { to: string; text: string } }).data);
      res.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    env: {
      SMS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`,
      SMS_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
      OUTBOUND_ALLOW: '127.0.0.1',
    },
    texts,
    async codeFor(to) {
      for (let tries = 0; tries < 200; tries += 1) {
        const found = texts.findLast((text) => text.to === to);
        if (found) return /\n@localhost #(\d{6})$/.exec(found.text)?.[1] ?? '';
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`no text message to ${to}`);
    },
    close: () => void server.close(),
  };
}

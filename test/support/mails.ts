/** The mails of one app, as those who get them read them: a real SMTP server, and a reader of what came. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import PostalMime from 'postal-mime';
import { unescaped } from './visitor.ts';

export type ReadMail = {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The first address of ours in it. */
  link: string;
  /** Six digits, however they are spaced; empty when there are none. */
  code: string;
};

export type Mails = {
  /** For `startTestApp`. */
  env: { SMTP_URL: string };
  all(): Promise<readonly ReadMail[]>;
  /** The next mail to an address that was not returned yet and has a matching subject; waits for it. */
  next(to: string, subject?: RegExp): Promise<ReadMail>;
  close(): void;
};

const PATIENCE = 10_000;

export async function openMails(): Promise<Mails> {
  const raw: { to: string; text: string }[] = [];
  const taken = new Set<object>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let to = '';
    let pending = '';
    let isData = false;
    socket.write('220 mails.test ESMTP\r\n');
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (;;) {
        const mark = isData ? '\r\n.\r\n' : '\r\n';
        const end = pending.indexOf(mark);
        if (end < 0) return;
        const line = pending.slice(0, end);
        pending = pending.slice(end + mark.length);
        if (isData) raw.push({ to, text: line });
        const command = isData ? '.' : line.slice(0, 4).toUpperCase();
        if (command === 'RCPT') to = /<([^>]*)>/.exec(line)?.[1] ?? '';
        isData = command === 'DATA';
        socket.write(command === 'DATA' ? '354 go on\r\n' : command === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  async function read(mail: { to: string; text: string }): Promise<ReadMail> {
    // A line that began with a dot was sent with two (RFC 5321 §4.5.2).
    const parsed = await PostalMime.parse(Buffer.from(mail.text.replaceAll('\r\n..', '\r\n.'), 'latin1'));
    const text = parsed.text ?? '';
    const html = parsed.html ?? '';
    return {
      to: mail.to,
      subject: parsed.subject ?? '',
      text,
      html,
      link: unescaped(/https?:\/\/[^\s"<>]+[?/][^\s"<>]*/.exec(text)?.[0] ?? ''),
      code:
        /\b(\d{3})[\s\u00a0\u202f]?(\d{3})\b/
          .exec(parsed.subject ?? '')
          ?.slice(1)
          .join('') ?? '',
    };
  }

  return {
    env: { SMTP_URL: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` },
    all: () => Promise.all(raw.map(read)),
    async next(to, subject = /./) {
      const until = performance.now() + PATIENCE;
      while (performance.now() < until) {
        for (const mail of raw) {
          if (taken.has(mail) || mail.to !== to) continue;
          const found = await read(mail);
          if (!subject.test(found.subject)) continue;
          taken.add(mail);
          return found;
        }
        await new Promise((resolve) => void setTimeout(resolve, 25));
      }
      throw new Error(`no mail to ${to} that fits ${String(subject)}`);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

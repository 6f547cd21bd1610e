/** A real SMTP server on loopback that keeps what it gets, or misbehaves as told. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type SunkMail = { from: string; to: string[]; raw: string };
/** At which command (`greeting`, `MAIL`, `RCPT`, `DATA`, `.`) the server answers this line, or nothing at all (null). */
export type SmtpMood = Partial<Record<'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | '.', string | null>>;

export type SmtpSink = {
  url: string;
  mails: SunkMail[];
  /** With what names it was greeted. */
  greetings: string[];
  mood: SmtpMood;
  /** Connections so far. */ connections(): number;
};

/** Written out by hand, because servers for tests refuse to hang. */
export async function createSmtpSink(mood: SmtpMood = {}): Promise<SmtpSink> {
  const sink: SmtpSink = { url: '', mails: [], greetings: [], mood, connections: () => connections };
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    const say = (step: keyof SmtpMood, line: string): boolean => {
      const answer = sink.mood[step] === undefined ? line : sink.mood[step];
      if (answer !== null) socket.write(`${answer}\r\n`);
      return answer === line;
    };
    let mail: SunkMail = { from: '', to: [], raw: '' };
    let isData = false;
    let pending = '';
    const hear = (line: string): void => {
      const [command = '', rest = ''] = line.split(/ (.*)/s);
      switch (command.toUpperCase()) {
        case 'EHLO':
          sink.greetings.push(rest);
          return void say('EHLO', '250 sink.test');
        case 'MAIL':
          mail = { from: rest, to: [], raw: '' };
          return void say('MAIL', '250 ok');
        case 'RCPT':
          if (say('RCPT', '250 ok')) mail.to.push(rest);
          return;
        case 'DATA':
          isData = say('DATA', '354 go on');
          return;
        case 'QUIT':
          return void socket.end('221 bye\r\n');
        default:
          return void socket.write('502 what\r\n');
      }
    };
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (;;) {
        const end = pending.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = pending.slice(0, end);
        pending = pending.slice(end + (isData ? 5 : 2));
        if (!isData) {
          hear(text);
          continue;
        }
        isData = false;
        sink.mails.push({ ...mail, raw: text });
        say('.', '250 kept');
      }
    });
    say('greeting', '220 sink.test ESMTP');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sink.url = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return sink;
}

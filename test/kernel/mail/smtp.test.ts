import { describe, expect, test } from 'vitest';
import { clientNameOf, createSmtp, type Letter, smtpPatience, type SmtpPatience } from '#kernel/mail/smtp.ts';
import { createSmtpSink, type SmtpMood } from '../../support/smtp-sink.ts';

const letter = (more: Partial<Letter> = {}): Letter => ({
  from: { name: 'Latchkey', address: 'no-reply@id.example' },
  to: { name: 'Noor', address: 'noor@x.example' },
  subject: 'Your code',
  text: 'The code is 123456.',
  html: '<p>The code is 123456.</p>',
  messageId: '<1@id.example>',
  ...more,
});
const open = (url: string, patience?: SmtpPatience) => createSmtp(url, { clientName: 'id.example', patience });
const impatient: SmtpPatience = { attempt: 3000, greeting: 500, silence: 1000 };
const alone = new AbortController().signal;

/** Header fields of a mail, unfolded. */
function fieldsOf(raw: string): [string, string][] {
  const head = raw.split('\r\n\r\n')[0]!.replace(/\r\n[ \t]+/g, ' ');
  return head
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]);
}

describe('a mail over SMTP', () => {
  test('arrives in both forms, with its fields, at its recipient', async () => {
    const sink = await createSmtpSink();
    expect(await open(sink.url).deliver(letter(), alone)).toEqual({ kind: 'sent' });
    const [mail] = sink.mails;
    expect(sink.mails).toHaveLength(1);
    expect(mail).toMatchObject({ from: 'FROM:<no-reply@id.example>', to: ['TO:<noor@x.example>'] });
    expect(Object.fromEntries(fieldsOf(mail!.raw))).toMatchObject({
      from: 'Latchkey <no-reply@id.example>',
      to: 'Noor <noor@x.example>',
      subject: 'Your code',
      'message-id': '<1@id.example>',
      'auto-submitted': 'auto-generated',
    });
    expect(mail!.raw).toContain('multipart/alternative');
    expect(mail!.raw.match(/The code is 123456\./g)).toHaveLength(2);
  });

  test.each([
    ['a name', { to: { name: 'x" <evil@evil.test>, "y', address: 'noor@x.example' } }],
    ['a name with a line break', { to: { name: 'x\r\nBcc: evil@evil.test', address: 'noor@x.example' } }],
    ['a name as an encoded word', { to: { name: '=?utf-8?q?x?= <evil@evil.test>', address: 'noor@x.example' } }],
    ['a group', { to: { name: 'undisclosed: evil@evil.test;', address: 'noor@x.example' } }],
    ['a subject', { subject: 'x\r\nBcc: evil@evil.test\r\n\r\nbody' }],
    ['a body', { text: 'x\r\n.\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA\r\n' }],
    ['a path as text', { text: '/etc/passwd', html: 'file:///etc/passwd' }],
  ] as [string, Partial<Letter>][])(
    '%s with an attack reaches one recipient and adds no field',
    async (_name, harm) => {
      const sink = await createSmtpSink();
      const [plain] = [await open(sink.url).deliver(letter(), alone)];
      expect(plain.kind).toBe('sent');
      expect(await open(sink.url).deliver(letter(harm), alone)).toEqual({ kind: 'sent' });
      expect(sink.mails).toHaveLength(2);
      const [ordinary, harmful] = sink.mails;
      expect(harmful!.to).toEqual(['TO:<noor@x.example>']);
      expect(fieldsOf(harmful!.raw).map(([name]) => name)).toEqual(fieldsOf(ordinary!.raw).map(([name]) => name));
      expect(harmful!.raw).not.toContain('root:');
    },
  );
});

describe('a server that does not accept it', () => {
  const moods: [string, SmtpMood, string][] = [
    ['the recipient is refused for good', { RCPT: '550 no such user' }, 'refused'],
    ['the content is refused for good', { '.': '554 looks like spam' }, 'refused'],
    ['the sender is refused for good', { MAIL: '553 not allowed' }, 'refused'],
    ['the recipient is deferred', { RCPT: '451 greylisted' }, 'unsent'],
    ['the content is deferred', { '.': '452 disk full' }, 'unsent'],
    ['the server is closed', { greeting: '554 go away' }, 'unsent'],
    ['the server is leaving', { MAIL: '421 shutting down' }, 'unsent'],
    ['the server speaks nonsense', { greeting: 'SSH-2.0-x' }, 'unsent'],
  ];

  test.each(moods)('%s', async (_name, mood, kind) => {
    const sink = await createSmtpSink(mood);
    expect(await open(sink.url).deliver(letter(), alone)).toMatchObject({ kind });
  });

  test('no server listens', async () => {
    expect(await open('smtp://127.0.0.1:1').deliver(letter(), alone)).toMatchObject({ kind: 'unsent' });
  });

  test.each([
    ['before the mail is handed over', { DATA: null }, 'unsent', 0],
    ['after it: perhaps it was taken', { '.': null }, 'doubtful', 1],
    ['at once', { greeting: null }, 'unsent', 0],
  ] as [string, SmtpMood, string, number][])('it is silent %s', async (_name, mood, kind, taken) => {
    const sink = await createSmtpSink(mood);
    expect(await open(sink.url).deliver(letter(), AbortSignal.timeout(500))).toMatchObject({ kind });
    expect(sink.mails).toHaveLength(taken);
  });

  test('a hanging server is given up, after 5 s before its greeting and 15 s in all', async () => {
    expect(smtpPatience).toEqual({ attempt: 15_000, greeting: 5000, silence: 10_000 });
    const [greeting, data] = [await createSmtpSink({ greeting: null }), await createSmtpSink({ '.': null })];
    const outcomes = await Promise.all(
      [greeting, data].map(({ url }) => open(url, impatient).deliver(letter(), alone)),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['unsent', 'doubtful']);
  });
});

describe('the EHLO name', () => {
  test('is the configured one', async () => {
    const sink = await createSmtpSink();
    await createSmtp(sink.url, { clientName: 'mail.id.example' }).deliver(letter(), alone);
    expect(sink.greetings).toEqual(['mail.id.example']);
  });

  test.each([
    ['https://id.example.com', 'a1b2c3', 'id.example.com'],
    ['https://id.example.com:8443', 'host.example', 'id.example.com'],
    ['https://bücher.example', 'a1b2c3', 'xn--bcher-kva.example'],
    ['https://192.0.2.7', 'a1b2c3', '[192.0.2.7]'],
    ['https://[2001:db8::7]', 'a1b2c3', '[IPv6:2001:db8::7]'],
    ['http://localhost:3000', 'a1b2c3', 'localhost'],
    ['http://localhost:3000', 'laptop.example', 'laptop.example'],
    ['http://127.0.0.1:3000', '10.0.0.7', 'localhost'],
  ])('of %s on %s is %s', (issuer, machine, expected) => {
    expect(clientNameOf(new URL(issuer), machine)).toBe(expected);
  });
});

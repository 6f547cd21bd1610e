import { isIP } from 'node:net';
import { hostname as systemHostname } from 'node:os';
import { PassThrough, pipeline } from 'node:stream';
import { SECOND } from '../clock.ts';
import { isLoopback } from '../issuer.ts';
import type { MailAddress } from './address.ts';

export type Letter = {
  from: MailAddress;
  to: MailAddress;
  subject: string;
  text: string;
  html: string;
  messageId: string;
};

/**
 * sent        the server took it
 * refused     it never will: this recipient, this content
 * unsent      it did not, perhaps next time
 * doubtful    the whole mail was handed over and no answer came
 */
type Delivery = { kind: 'sent' } | { kind: 'refused' | 'unsent' | 'doubtful'; error: unknown };

export type Smtp = { deliver(letter: Letter, signal: AbortSignal): Promise<Delivery> };

/** Milliseconds. */
export const smtpPatience = {
  /** From the look-up of the host to the last answer, whatever the server does in between. */
  attempt: 15 * SECOND,
  /** The look-up, the connection and the greeting, each. */
  greeting: 5 * SECOND,
  /** Between two answers. */
  silence: 10 * SECOND,
};
export type SmtpPatience = typeof smtpPatience;

/** `clientName` is what the server is greeted with (RFC 5321 §4.1.1.1). */
export function createSmtp(
  url: string,
  { clientName, patience = smtpPatience }: { clientName: string; patience?: SmtpPatience | undefined },
): Smtp {
  let transport: ReturnType<typeof connect> | undefined;
  return {
    async deliver({ from, to, messageId, ...letter }, signal) {
      const body = new PassThrough();
      try {
        const mail = {
          ...letter,
          from,
          to,
          messageId,
          // The SMTP commands do not depend on the parsing of a header or a text: addresses stay in parts.
          envelope: { from: inParts(from), to: [inParts(to)] } as never,
          // RFC 3834 §5: no absence note answers a mail of a machine.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
          body,
          signal: AbortSignal.any([signal, AbortSignal.timeout(patience.attempt)]),
        };
        transport ??= connect(url, clientName, patience);
        await (await transport).sendMail(mail);
        return { kind: 'sent' };
      } catch (error) {
        return { kind: kindOf(error, body.readableEnded), error };
      }
    },
  };
}

/** Connects, greets and signs in, and sends nothing. Throws what the server or the network said. */
export async function greetSmtp(url: string, clientName: string): Promise<void> {
  const transport = await connect(url, clientName, smtpPatience);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

const inParts = ({ address }: MailAddress): MailAddress => ({ name: '', address });

/**
 * The issuer's host is a name that the outside knows, which the name of a container is not. While the issuer is this
 * machine, it is the machine's own name where that is a full one.
 */
export function clientNameOf({ hostname }: URL, machine = systemHostname()): string {
  if (isLoopback(hostname)) return machine.includes('.') && isIP(machine) === 0 ? machine : 'localhost';
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 6 ? `[IPv6:${host}]` : isIP(host) === 4 ? `[${host}]` : host;
}

/** Loaded with the first mail: most processes never send one. */
async function connect(url: string, name: string, { greeting, silence }: SmtpPatience) {
  const { createTransport } = await import('nodemailer');
  const server = new URL(url);
  const transport = createTransport({
    url,
    name,
    // Credentials do not cross a network in clear, even when an attacker on the way hides that the server supports TLS.
    ...(server.username && !isLoopback(server.hostname) ? { requireTLS: true } : {}),
    dnsTimeout: greeting,
    connectionTimeout: greeting,
    greetingTimeout: greeting,
    socketTimeout: silence,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // The mail goes to the socket through a stream of ours, whose end tells that all of it has left.
  transport.use('stream', (mail, done) => {
    const { body } = mail.data as { body?: PassThrough };
    if (body) mail.message.processFunc((content) => pipeline(content, body, () => undefined));
    done();
  });
  return transport;
}

function kindOf(error: unknown, isHandedOver: boolean): 'refused' | 'unsent' | 'doubtful' {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  // RFC 5321 §4.2.1: 5yz is permanent, for this recipient or this content. To a greeting or to credentials it says
  // that the server, or its configuration here, has to be mended.
  if (responseCode !== undefined)
    return responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE') ? 'refused' : 'unsent';
  return isHandedOver ? 'doubtful' : 'unsent';
}

/** Other servers that the instance needs: mail, Redis, and itself by its public address. */
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import { createOutbound, OutboundError } from '#kernel/http/outbound.ts';
import { isLoopback } from '#kernel/issuer.ts';
import { describeError, type Log } from '#kernel/log.ts';
import { clientNameOf, greetSmtp } from '#kernel/mail/smtp.ts';
import type { RedisPort } from '#kernel/redis/port.ts';
import { clockFinding } from './database.ts';
import { type Finding, ofCertificate } from './finding.ts';
import { LARGEST_DIFFERENCE_OF_DATE, REDIS_CONNECTS_WITHIN } from './limits.ts';

/** Greets the mail server and signs in there, without a mail. */
export async function mailFindings({
  config: { smtpUrl, smtpClientName, issuerUrl, embedded },
}: {
  config: Pick<Config, 'smtpUrl' | 'smtpClientName' | 'issuerUrl' | 'embedded'>;
}): Promise<Finding[]> {
  const name = 'mail';
  if (smtpUrl === undefined)
    return [
      embedded
        ? { name, status: 'warning', message: 'Mails go to /dev/mailbox and to no user.', next: 'Set SMTP_URL.' }
        : {
            name,
            status: 'failed',
            message: 'There is no mail server: users get no links and codes.',
            next: 'Set SMTP_URL.',
          },
    ];
  const { host } = new URL(smtpUrl);
  try {
    await greetSmtp(smtpUrl, smtpClientName ?? clientNameOf(issuerUrl));
    return [{ name, status: 'ok', message: `${host} greets and takes mails of this instance.` }];
  } catch (error) {
    const next = 'Check SMTP_URL: host, port, user and password (docs/messages.md).';
    return [{ name, status: 'failed', message: `${host} does not take mails: ${describeError(error)}`, next }];
  }
}

/** Asks Redis one question. */
export async function redisFindings({
  redis,
  config: { embedded, webConcurrency },
}: {
  redis: Pick<RedisPort, 'get' | 'connected'> | null;
  config: Pick<Config, 'embedded' | 'webConcurrency'>;
}): Promise<Finding[]> {
  const name = 'redis';
  if (redis === null)
    return [
      embedded
        ? { name, status: 'ok', message: 'Not used: limits and caches live in the one process.' }
        : {
            name,
            status: 'warning',
            message: `Not set: each of ${webConcurrency} processes counts limits by itself, and caches last some seconds longer.`,
            next: 'Set REDIS_URL.',
          },
    ];
  try {
    await redis.connected(REDIS_CONNECTS_WITHIN);
    await redis.get('probe');
    return [{ name, status: 'ok', message: 'It answers.' }];
  } catch (error) {
    const next = 'Check REDIS_URL and the log. Without Redis everything works, more slowly.';
    return [{ name, status: 'failed', message: `It does not answer: ${describeError(error)}`, next }];
  }
}

/** Asks the public address for its discovery document, as a relying party does, and compares the clock of the answer. */
export async function issuerFindings({
  config: { issuer, issuerUrl, outboundAllow },
  clock,
  log,
}: {
  config: Pick<Config, 'issuer' | 'issuerUrl' | 'outboundAllow'>;
  clock: Clock;
  log: Pick<Log, 'warn'>;
}): Promise<Finding[]> {
  const name = 'issuer';
  const allow = isLoopback(issuerUrl.hostname) ? [...outboundAllow, issuerUrl.hostname] : outboundAllow;
  // The guard of the product refuses requests to itself; this one looks at nothing else.
  const outbound = createOutbound({ allow, log });
  try {
    const answer = await outbound.fetchOk(`${issuer}/.well-known/openid-configuration`);
    const { issuer: told } = (await answer.json()) as { issuer?: unknown };
    if (told !== issuer) {
      const next = 'Let the proxy pass the path and Host on unchanged, to this instance.';
      return [{ name, status: 'failed', message: `${issuer} answers for another issuer: ${String(told)}.`, next }];
    }
    const date = Date.parse(answer.headers.get('date') ?? '');
    const difference = date - clock.now().getTime();
    return [
      { name, status: 'ok', message: `${issuer} answers from here.` },
      ...(Number.isNaN(date)
        ? []
        : [clockFinding('clock of the issuer', issuer, difference, LARGEST_DIFFERENCE_OF_DATE)]),
    ];
  } catch (error) {
    return [unreachable(issuer, issuerUrl, error)];
  } finally {
    await outbound.close();
  }
}

function unreachable(issuer: string, { hostname }: URL, error: unknown): Finding {
  const name = 'issuer';
  if (error instanceof OutboundError && error.kind === 'refused_address')
    return {
      name,
      status: 'warning',
      message: `From here ${hostname} is a private address, which outgoing requests do not reach. Whether users reach it is not known.`,
      next: `Set OUTBOUND_ALLOW=${hostname} to look from here, and where an application or identity provider is on that host. Or ask from outside: curl ${issuer}/.well-known/openid-configuration`,
    };
  return {
    name,
    status: 'failed',
    message: `${issuer} does not answer from here: ${describeError(error)}`,
    next: 'Start the server; check ISSUER, the name in the DNS, the proxy and its certificate.',
  };
}

const isFor = (certificate: X509Certificate, hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '');
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
};

/** The certificate of the own listener, as its file is now. */
export function tlsFindings({
  config: { tls, issuerUrl },
  clock,
}: {
  config: Pick<Config, 'tls' | 'issuerUrl'>;
  clock: Clock;
}): Finding[] {
  const name = 'tls';
  if (tls === undefined) {
    const isOpen = issuerUrl.protocol === 'http:';
    return [{ name, status: 'ok', message: isOpen ? 'Not used on loopback.' : 'A proxy in front ends TLS.' }];
  }
  const certificate = new X509Certificate(readFileSync(tls.certFile));
  const { hostname } = issuerUrl;
  if (!isFor(certificate, hostname)) {
    const next = 'Set TLS_CERT to a certificate for the host of ISSUER.';
    return [{ name, status: 'failed', message: `The certificate is not for ${hostname}.`, next }];
  }
  const next = 'Replace the files of TLS_CERT and TLS_KEY.';
  const found = [ofCertificate(name, new Date(certificate.validTo), clock.now(), next)];
  if (tls.clientCaFile === undefined || tls.clientCaFile === 'optional_no_ca') return found;
  const authorities =
    readFileSync(tls.clientCaFile, 'utf8').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
  const ends = authorities.map((pem) => new Date(new X509Certificate(pem).validTo).getTime());
  if (ends.length === 0) return found;
  const renew = 'Put the new authority into the file of TLS_CLIENT_CA.';
  return [...found, ofCertificate('client authorities', new Date(Math.min(...ends)), clock.now(), renew)];
}

/** Findings about environment variables: proxies, secrets, mail and hosts that outgoing requests may reach. */
import type { Config } from '#kernel/config.ts';
import { isLoopback } from '#kernel/issuer.ts';
import type { Finding } from './finding.ts';

type LookedAt = Pick<
  Config,
  | 'issuer'
  | 'issuerUrl'
  | 'embedded'
  | 'tls'
  | 'trustedProxies'
  | 'secrets'
  | 'smtpUrl'
  | 'mailFrom'
  | 'outboundAllow'
  | 'logLevel'
  | 'clientCertHeader'
> &
  Pick<Config, 'redisUrl' | 'webConcurrency' | 'databaseUrl'>;

/** Findings that need no connection. A wrong variable has stopped the start before. */
export function environmentFindings(config: LookedAt): Finding[] {
  return [kindOf(config), proxies(config), secrets(config), ...unsafe(config)];
}

const isPublic = ({ issuerUrl }: Pick<Config, 'issuerUrl'>): boolean => !isLoopback(issuerUrl.hostname);

function kindOf(config: LookedAt): Finding {
  const { embedded, issuer, webConcurrency } = config;
  const name = 'configuration';
  if (embedded && isPublic(config))
    return {
      name,
      status: 'warning',
      message: `The embedded database serves the public issuer ${issuer}: one process, no failover.`,
      next: 'Set DATABASE_URL for production (docs/operations.md).',
    };
  const place = embedded ? 'the embedded database' : `PostgreSQL and ${webConcurrency} worker processes`;
  return { name, status: 'ok', message: `All variables are valid: ${issuer} with ${place}.` };
}

function proxies(config: LookedAt): Finding {
  const { tls, trustedProxies, issuerUrl } = config;
  const name = 'proxies';
  if (issuerUrl.protocol === 'https:' && tls === undefined && trustedProxies.length === 0)
    return {
      name,
      status: 'failed',
      message:
        'A proxy ends TLS, and no proxy is trusted: all visitors count as one IP address, so the limits of one lock out all.',
      next: 'Set TRUSTED_PROXIES to the addresses of the proxy (docs/operations.md).',
    };
  const wide = trustedProxies.find((range) => range.endsWith('/0'));
  if (wide !== undefined)
    return {
      name,
      status: 'failed',
      message: `TRUSTED_PROXIES trusts every address (${wide}): a visitor can claim any IP address.`,
      next: 'Name the addresses of the proxies alone.',
    };
  const message =
    trustedProxies.length === 0
      ? 'No proxy is trusted; the address of each connection counts.'
      : `Forwarded headers count from ${trustedProxies.join(', ')}.`;
  return { name, status: 'ok', message };
}

function secrets({ secrets: given, embedded }: LookedAt): Finding {
  const name = 'secrets';
  if (given === undefined)
    return {
      name,
      status: 'ok',
      message: 'The key ring is the file secrets in LATCHKEY_DATA. Back it up with the database.',
    };
  if (given.length > 1)
    return {
      name,
      status: 'warning',
      message: `LATCHKEY_SECRETS holds ${given.length} secrets: the first encrypts, the others only decrypt.`,
      next: 'Run keys reencrypt, then remove the old ones (docs/operations.md).',
    };
  return { name, status: 'ok', message: `One secret encrypts${embedded ? ', from LATCHKEY_SECRETS' : ''}.` };
}

function unsafe(config: LookedAt): Finding[] {
  const { outboundAllow, logLevel, smtpUrl, mailFrom, clientCertHeader } = config;
  const found: Finding[] = [];
  const warn = (name: string, message: string, next: string) =>
    void found.push({ name, status: 'warning', message, next });
  if (outboundAllow.length > 0)
    warn(
      'OUTBOUND_ALLOW',
      `Outgoing requests may reach ${outboundAllow.join(', ')}: who may name a URL here can send requests there.`,
      'Keep only hosts that a connection or an application needs.',
    );
  if (isPublic(config) && ['debug', 'trace'].includes(logLevel))
    warn('LOG_LEVEL', `The log level is ${logLevel}, which costs time and disk.`, 'Set LOG_LEVEL=info.');
  if (smtpUrl !== undefined && mailFrom.includes('@localhost'))
    warn(
      'MAIL_FROM',
      'Mails name a sender at localhost, which most servers refuse.',
      'Set MAIL_FROM to an address of yours.',
    );
  if (clientCertHeader !== undefined)
    warn(
      'CLIENT_CERT_HEADER',
      `Client certificates are read from ${clientCertHeader}, which the proxy must remove from every request of a visitor.`,
      'Check the configuration of the proxy (docs/operations.md).',
    );
  return found;
}

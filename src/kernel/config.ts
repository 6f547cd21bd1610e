import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { isDnsServer } from './txt-records.ts';
import { aliasProblem, issuerAddress, issuerAliases, issuerOf } from './issuer.ts';

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
const url = (...protocols: string[]) =>
  z
    .string()
    .refine((text) => protocols.some((p) => text.startsWith(`${p}:`)) && URL.canParse(text.split(',')[0] ?? ''), {
      error: `must be a URL that begins with ${protocols.map((p) => `${p}://`).join(' or ')}`,
    });
const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
};
const port = wholeNumber(0, 65_535);
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** As long as most failovers of a database take. */
export const DEFAULT_CONNECT_SECONDS = 5;

/** Every variable that Latchkey reads. `docs/configuration.md` is generated from these descriptions. */
export const configSchema = z.object({
  PORT: port.default(3000).describe('Port that Latchkey listens on.'),
  HOST: z.string().default('127.0.0.1').describe('Address that Latchkey listens on. The container image sets 0.0.0.0.'),
  ISSUER: issuerAddress
    .optional()
    .describe(
      'Public address, for example https://id.example.com or https://example.com/id (docs/operations.md). Must be https unless its host is loopback. Default: http://localhost:PORT.',
    ),
  ISSUER_ALIASES: issuerAliases
    .optional()
    .describe(
      'Comma-separated origins that answer with the one issuer, for example https://login.example.com (docs/operations.md).',
    ),
  DATABASE_URL: url('postgres', 'postgresql')
    .optional()
    .describe('PostgreSQL server. Without it one process uses an embedded database in LATCHKEY_DATA.'),
  DATABASE_REPLICA_URL: url('postgres', 'postgresql').optional().describe('PostgreSQL replica for reads that may lag.'),
  DATABASE_MIGRATION_URL: url('postgres', 'postgresql')
    .optional()
    .describe(
      'The same database for migrations, partitions and notifications: as the role that owns the tables, and past a connection pooler. Default: DATABASE_URL.',
    ),
  DATABASE_POOL: wholeNumber(1, 200).default(10).describe('Connections to PostgreSQL that each process may hold.'),
  DATABASE_CONNECT_SECONDS: wholeNumber(1, 60)
    .default(DEFAULT_CONNECT_SECONDS)
    .describe('Seconds that Latchkey waits for a new or a free connection to PostgreSQL.'),
  LATCHKEY_DATA: z
    .string()
    .default('.latchkey')
    .describe('Folder of the embedded database, its secrets and its control socket.'),
  REDIS_URL: url('redis', 'rediss')
    .optional()
    .describe(
      'Redis for limits, caches and their invalidation; comma-separated nodes for a cluster. Without it these live in each process.',
    ),
  LATCHKEY_SECRETS: z
    .string()
    .optional()
    .describe(
      'Key ring for secrets at rest and cookies, comma-separated, each at least 32 characters: the first encrypts, all decrypt. With the embedded database it is created once in LATCHKEY_DATA; with DATABASE_URL it is required.',
    ),
  SMTP_URL: url('smtp', 'smtps')
    .optional()
    .describe('Mail server. Without it mails go to /dev/mailbox (embedded database only) and the log.'),
  SMTP_CLIENT_NAME: z
    .string()
    .regex(
      /^(?=.{1,255}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[\da-f.:]+\]|\[IPv6:[\da-f.:]+\])$/i,
      { error: 'must be a host name, for example mail.example.com, or an address in brackets' },
    )
    .optional()
    .describe('Name with which Latchkey greets the mail server (EHLO). Default: the host of ISSUER.'),
  MAIL_FROM: z.string().default('Latchkey <no-reply@localhost>').describe('Sender of mails.'),
  SMS_URL: url('twilio', 'https', 'http')
    .optional()
    .describe(
      'Gateway for text messages: twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=+12025550123 (or ?service=MG…), or an address that receives them as signed JSON (SMS_SECRET, docs/messages.md). Without it text messages go to /dev/mailbox (embedded database only).',
    ),
  SMS_SECRET: z
    .string()
    .optional()
    .describe(
      'Secret that signs the requests to SMS_URL, in the form of Standard Webhooks: whsec_ and 32 bytes in base64.',
    ),
  TLS_CERT: z
    .string()
    .optional()
    .describe(
      'PEM file of the certificate for the built-in TLS listener (TLS 1.3; TLS 1.2 with ECDHE and AES-GCM only).',
    ),
  TLS_KEY: z.string().optional().describe('PEM file of the private key for the built-in TLS listener.'),
  TLS_CLIENT_CA: z
    .string()
    .optional()
    .describe(
      'PEM file of the authorities whose client certificates are accepted (RFC 8705), or the word optional_no_ca for self-signed ones.',
    ),
  TRUSTED_PROXIES: z
    .string()
    .optional()
    .describe('Comma-separated addresses or CIDRs whose forwarded headers are trusted.'),
  CLIENT_CERT_HEADER: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: 'must be the name of a header, for example X-SSL-Client-Cert' })
    .transform((name) => name.toLowerCase())
    .optional()
    .describe(
      'Header in which a trusted proxy that terminates TLS passes the client certificate (RFC 8705), as RFC 9440 or URL-escaped PEM. X-SSL-Client-Verify: SUCCESS means that the proxy checked its chain.',
    ),
  GEOIP_FILE: z
    .string()
    .optional()
    .describe(
      "File in MaxMind's format (.mmdb, cities) with the coarse place of IP addresses. Without it no places are shown.",
    ),
  OUTBOUND_ALLOW: z
    .string()
    .optional()
    .describe('Comma-separated hosts or CIDRs with private addresses that outgoing requests may reach.'),
  DNS_SERVERS: z
    .string()
    .refine((text) => list(text).every(isDnsServer), {
      error: 'must be addresses, each with a port or without, for example 192.0.2.53 or [2001:db8::53]:5353',
    })
    .optional()
    .describe(
      'Comma-separated addresses of DNS servers that are asked about the domains of organizations (docs/organizations.md). Default: the servers of the system.',
    ),
  WEB_CONCURRENCY: wholeNumber(1, 256)
    .optional()
    .describe('Worker processes. Default: 1 with the embedded database, else the number of cores.'),
  LOG_LEVEL: z
    .enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
    .default('info')
    .describe('Least severe level that is logged.'),
  MIGRATION_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, { error: 'must have at least 32 characters' })
    .optional()
    .describe(
      'Secret that signs requests to the old system of migrated users (setting migration.verifyUrl, docs/migrating.md).',
    ),
  AUDIT_CHECKPOINT_FILE: z.string().optional().describe('File for daily checkpoints of the audit log (docs/audit.md).'),
  METRICS_PORT: port.optional().describe('Port of /metrics for Prometheus. Off when not set.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https')
    .optional()
    .describe('OpenTelemetry collector (OTLP over HTTP). Off when not set.'),
});

export type Config = Readonly<{
  port: number;
  host: string;
  /** The issuer identifier: no slash at its end. */
  issuer: string;
  issuerUrl: URL;
  /** Further origins that answer with this issuer. */
  issuerAliases: readonly string[];
  /** Absolute path. */
  dataFolder: string;
  databaseUrl: string | undefined;
  databaseReplicaUrl: string | undefined;
  /** As the owner of the tables; the database URL where no other is given. */
  databaseMigrationUrl: string | undefined;
  databasePool: number;
  databaseConnectSeconds: number;
  /** No DATABASE_URL: the embedded database, one process, the demo and the mailbox. */
  embedded: boolean;
  redisUrl: string | undefined;
  secrets: readonly string[] | undefined;
  smtpUrl: string | undefined;
  /** Undefined: the host of the issuer. */
  smtpClientName: string | undefined;
  mailFrom: string;
  smsUrl: string | undefined;
  smsSecret: string | undefined;
  tls: Readonly<{ certFile: string; keyFile: string; clientCaFile: string | undefined }> | undefined;
  trustedProxies: readonly string[];
  /** Lower case; undefined when no proxy ends TLS for us. */
  clientCertHeader: string | undefined;
  geoipFile: string | undefined;
  outboundAllow: readonly string[];
  dnsServers: readonly string[];
  webConcurrency: number;
  logLevel: string;
  migrationSecret: string | undefined;
  auditCheckpointFile: string | undefined;
  metricsPort: number | undefined;
  otelEndpoint: string | undefined;
  /** The variables that begin with LATCHKEY_CONNECTION_. */
  connectionVariables: Readonly<Record<string, string>>;
}>;

/** A start that cannot succeed: names the variable and the fix. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration from environment variables. Throws a `ConfigError` that names each wrong variable and its fix. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])));
  const parsed = configSchema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues
        .map((issue) => `${issue.path.join('.')} ${issue.message}. ${describe(String(issue.path[0]))}`)
        .join('\n'),
    );
  }
  const v = parsed.data;
  const tls = readTls(v);
  const issuerUrl = v.ISSUER ?? new URL(`${tls ? 'https' : 'http'}://localhost:${v.PORT}`);
  const address = { issuerUrl, issuerAliases: v.ISSUER_ALIASES ?? [] };
  const wrongAlias = aliasProblem(address);
  if (wrongAlias !== null) throw new ConfigError(`ISSUER_ALIASES ${wrongAlias}.`);
  const embedded = v.DATABASE_URL === undefined;
  if (v.CLIENT_CERT_HEADER && list(v.TRUSTED_PROXIES).length === 0)
    throw new ConfigError('CLIENT_CERT_HEADER counts from trusted proxies only. Set TRUSTED_PROXIES.');
  const secrets = readSecrets(v.LATCHKEY_SECRETS, embedded);
  if (embedded && (v.WEB_CONCURRENCY ?? 1) > 1)
    throw new ConfigError(
      'WEB_CONCURRENCY must be 1 with the embedded database, which admits one process. Set DATABASE_URL to use more.',
    );
  for (const name of ['DATABASE_REPLICA_URL', 'DATABASE_MIGRATION_URL'] as const)
    if (embedded && v[name]) throw new ConfigError(`${name} needs DATABASE_URL. Set both or none.`);
  return Object.freeze({
    port: v.PORT,
    host: v.HOST,
    issuer: issuerOf(issuerUrl),
    ...address,
    dataFolder: resolve(v.LATCHKEY_DATA),
    databaseUrl: v.DATABASE_URL,
    databaseReplicaUrl: v.DATABASE_REPLICA_URL,
    databaseMigrationUrl: v.DATABASE_MIGRATION_URL ?? v.DATABASE_URL,
    databasePool: v.DATABASE_POOL,
    databaseConnectSeconds: v.DATABASE_CONNECT_SECONDS,
    embedded,
    redisUrl: v.REDIS_URL,
    secrets,
    smtpUrl: v.SMTP_URL,
    smtpClientName: v.SMTP_CLIENT_NAME,
    mailFrom: v.MAIL_FROM,
    smsUrl: v.SMS_URL,
    smsSecret: v.SMS_SECRET,
    tls,
    trustedProxies: list(v.TRUSTED_PROXIES),
    clientCertHeader: v.CLIENT_CERT_HEADER,
    geoipFile: v.GEOIP_FILE,
    outboundAllow: list(v.OUTBOUND_ALLOW),
    dnsServers: list(v.DNS_SERVERS),
    webConcurrency: v.WEB_CONCURRENCY ?? (embedded ? 1 : availableParallelism()),
    logLevel: v.LOG_LEVEL,
    migrationSecret: v.MIGRATION_SECRET,
    auditCheckpointFile: v.AUDIT_CHECKPOINT_FILE,
    metricsPort: v.METRICS_PORT,
    otelEndpoint: v.OTEL_EXPORTER_OTLP_ENDPOINT,
    connectionVariables: Object.fromEntries(
      Object.entries(given).filter(([name]) => name.startsWith('LATCHKEY_CONNECTION_')),
    ),
  });
}

function describe(name: string): string {
  return configSchema.shape[name as keyof typeof configSchema.shape]?.description ?? '';
}

/** Security bar: start-up refuses short or equal secrets, and never falls back to a default one. */
function readSecrets(text: string | undefined, embedded: boolean): readonly string[] | undefined {
  const secrets = list(text);
  if (secrets.length === 0) {
    if (embedded) return undefined;
    throw new ConfigError('LATCHKEY_SECRETS is required with DATABASE_URL. Make one with: openssl rand -base64 32');
  }
  if (secrets.some((secret) => Buffer.byteLength(secret) < 32))
    throw new ConfigError(
      'LATCHKEY_SECRETS must hold secrets of at least 32 characters each. Make one with: openssl rand -base64 32',
    );
  if (secrets.some((secret) => new Set(secret).size < 8))
    throw new ConfigError(
      'LATCHKEY_SECRETS holds a secret that can be guessed. Make one with: openssl rand -base64 32',
    );
  if (new Set(secrets).size !== secrets.length) throw new ConfigError('LATCHKEY_SECRETS must hold each secret once.');
  return secrets;
}

function readTls(v: z.infer<typeof configSchema>): Config['tls'] {
  if (!v.TLS_CERT && !v.TLS_KEY) {
    if (v.TLS_CLIENT_CA) throw new ConfigError('TLS_CLIENT_CA needs an own TLS listener. Set TLS_CERT and TLS_KEY.');
    return undefined;
  }
  if (!v.TLS_CERT || !v.TLS_KEY) throw new ConfigError('TLS_CERT and TLS_KEY belong together. Set both or none.');
  return { certFile: v.TLS_CERT, keyFile: v.TLS_KEY, clientCaFile: v.TLS_CLIENT_CA };
}

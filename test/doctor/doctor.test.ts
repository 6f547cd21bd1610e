import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { issuerFindings, mailFindings, redisFindings, tlsFindings } from '#doctor/connections.ts';
import { databaseFindings } from '#doctor/database.ts';
import { examine } from '#doctor/doctor.ts';
import { environmentFindings } from '#doctor/environment.ts';
import { type Finding, ofCertificate } from '#doctor/finding.ts';
import { readConfig } from '#kernel/config.ts';
import { keyFindings } from '#oidc/keys/module.ts';
import { unsafeSettings } from '#settings/module.ts';
import { type PolicyInForce, sections } from '#settings/policies.ts';
import { runCommandLine } from '../../src/main/cli-program.ts';
import { createSmtpSink } from '../support/smtp-sink.ts';

const log = { warn: () => undefined };
const now = new Date('2026-05-17T10:00:00Z');
const clock = { now: () => now };
const secret = 'a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5';
const served = { DATABASE_URL: 'postgres://db.internal/latchkey', LATCHKEY_SECRETS: secret };
const statusesOf = (findings: readonly Finding[]) => findings.map(({ name, status }) => `${name} ${status}`);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('a report', () => {
  test('keeps the order, and says the worst status; a fault and a silent server are lines', async () => {
    const report = await examine(
      {
        first: () => [{ name: 'first', status: 'warning', message: 'Beware.' }],
        fault: () => Promise.reject(new Error('gone')),
        silent: () => new Promise(() => undefined),
        last: async () => [{ name: 'last', status: 'ok', message: 'Well.' }],
      },
      20,
    );
    expect(report.status).toBe('failed');
    expect(statusesOf(report.findings)).toEqual(['first warning', 'fault failed', 'silent failed', 'last ok']);
    expect(report.findings[1]!.message).toContain('gone');
  });

  test.each([
    ['2026-05-16T10:00:00Z', 'failed'],
    ['2026-06-01T10:00:00Z', 'warning'],
    ['2027-05-17T10:00:00Z', 'ok'],
  ])('on a certificate that ends at %s: %s', (end, status) => {
    expect(ofCertificate('tls', new Date(end), now, 'Replace it.').status).toBe(status);
  });
});

describe('the environment', () => {
  const https = { ISSUER: 'https://id.example.com', TRUSTED_PROXIES: '10.0.0.1' };
  test.each<[what: string, env: Record<string, string>, expected: string]>([
    ['the trial', {}, 'configuration ok'],
    ['the embedded database at a public issuer', https, 'configuration warning'],
    ['a proxy that is not trusted', { ISSUER: 'https://id.example.com' }, 'proxies failed'],
    ['every address as a proxy', { ...https, TRUSTED_PROXIES: '0.0.0.0/0' }, 'proxies failed'],
    ['a named proxy', https, 'proxies ok'],
    ['an old secret', { LATCHKEY_SECRETS: `${secret},x${secret}` }, 'secrets warning'],
    ['private hosts for requests', { OUTBOUND_ALLOW: '10.0.0.0/8' }, 'OUTBOUND_ALLOW warning'],
    ['a chatty log', { ...https, LOG_LEVEL: 'trace' }, 'LOG_LEVEL warning'],
    ['a sender at localhost', { SMTP_URL: 'smtp://mail.example.com' }, 'MAIL_FROM warning'],
    ['certificates in a header', { ...https, CLIENT_CERT_HEADER: 'X-Cert' }, 'CLIENT_CERT_HEADER warning'],
  ])('with %s', (_what, env, expected) => {
    const findings = environmentFindings(readConfig(env));
    expect(statusesOf(findings)).toContain(expected);
    for (const { status, next } of findings) expect(next === undefined).toBe(status === 'ok');
  });
});

describe('settings', () => {
  const defaults = Object.fromEntries(
    Object.entries(sections).map(([section, schema]) => [section, schema.parse({})]),
  ) as PolicyInForce;

  test('are well by default', () => {
    expect(unsafeSettings(defaults)).toEqual([{ name: 'settings', status: 'ok', message: expect.any(String) }]);
  });

  test.each<[name: string, value: unknown]>([
    ['oidc.pkce', 'public'],
    ['oidc.responseTypes', 'all'],
    ['oidc.registration', 'open'],
    ['oidc.registeredLogos', true],
    ['oidc.keyPublicationSeconds', 0],
    ['oidc.refreshGraceSeconds', 60],
    ['mfa.enforcement', 'off'],
    ['mfa.smsCodes', true],
    ['signIn.methods', ['smsCode']],
    ['password.breachCheck', false],
    ['password.minimumScore', 1],
    ['verification.email', 'optional'],
    ['risk.proofOfWork', 'off'],
    ['limits.passwordFailuresPerAddress', 100_000],
  ])('name %s with its reason', (name, value) => {
    const [section, member] = name.split('.') as [keyof PolicyInForce, string];
    const policy = { ...defaults, [section]: { ...defaults[section], [member]: value } } as PolicyInForce;
    const [found] = unsafeSettings(policy);
    expect(found).toMatchObject({ status: 'warning', next: expect.stringContaining(`settings reset ${name}`) });
    expect(found!.message).toMatch(new RegExp(`^${name.replace('.', '\\.')} is .*: .{20,}\\.$`));
  });
});

describe('the database', () => {
  const sound = {
    server_version_num: '170002',
    server_version: '17.2',
    server_encoding: 'UTF8',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_connections: '100',
  };
  const look = (
    settings: Record<string, string> = {},
    { pending = [] as string[], ahead = 0, connections = 10 } = {},
  ) =>
    databaseFindings({
      clock,
      connections,
      database: {
        embedded: false,
        pendingMigrations: async () => pending,
        sql: async <Row>(text: string) =>
          (text.includes('pg_settings')
            ? Object.entries({ ...sound, ...settings }).map(([name, setting]) => ({ name, setting }))
            : [{ now: new Date(now.getTime() + ahead) }]) as Row[],
      },
    });

  test.each<[what: string, found: Promise<Finding[]>, expected: string]>([
    ['is well', look(), 'database ok'],
    ['is too old', look({ server_version_num: '120005' }), 'database failed'],
    ['has another encoding', look({ server_encoding: 'LATIN1' }), 'database failed'],
    ['has pending migrations', look({}, { pending: ['Migration9999_more'] }), 'migrations failed'],
    ['loses writes', look({ fsync: 'off' }), 'database settings warning'],
    ['takes few connections', look({}, { connections: 400 }), 'database settings warning'],
    ['has the same time', look(), 'clock ok'],
    ['is ahead', look({}, { ahead: 60_000 }), 'clock failed'],
    ['is behind', look({}, { ahead: -60_000 }), 'clock failed'],
  ])('%s', async (_what, found, expected) => {
    expect(statusesOf(await found)).toContain(expected);
  });
});

describe('other servers', () => {
  const config = (env: Record<string, string> = {}) => readConfig(env);

  test('mail: none, one that greets, one that does not answer', async () => {
    const sink = await createSmtpSink();
    const closed = config({ SMTP_URL: 'smtp://127.0.0.1:9' });
    const found = [config(), config(served), config({ SMTP_URL: sink.url }), closed].map((each) =>
      mailFindings({ config: each }),
    );
    expect((await Promise.all(found)).flatMap(statusesOf)).toEqual([
      'mail warning',
      'mail failed',
      'mail ok',
      'mail failed',
    ]);
    expect([sink.connections(), sink.mails]).toEqual([1, []]);
  });

  test('Redis: none, one that answers, one that is away', async () => {
    const up = { get: async () => null, connected: async () => true };
    const away = { ...up, get: () => Promise.reject(new Error('away')) };
    const found = [
      redisFindings({ redis: null, config: config() }),
      redisFindings({ redis: null, config: config(served) }),
      redisFindings({ redis: up, config: config(served) }),
      redisFindings({ redis: away, config: config(served) }),
    ];
    expect((await Promise.all(found)).flatMap(statusesOf)).toEqual([
      'redis ok',
      'redis warning',
      'redis ok',
      'redis failed',
    ]);
  });

  async function issuerOf(answer: (issuer: string) => string, date = now): Promise<Finding[]> {
    let issuer = '';
    const server = createServer((_req, res) => void res.setHeader('Date', date.toUTCString()).end(answer(issuer)));
    servers.push(server.listen(0, '127.0.0.1'));
    await new Promise((resolve) => void server.once('listening', resolve));
    issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
    return issuerFindings({ config: config({ ISSUER: issuer }), clock, log });
  }

  test.each<[what: string, answer: (issuer: string) => string, date: Date | undefined, expected: string[]]>([
    ['answers', (issuer) => JSON.stringify({ issuer }), undefined, ['issuer ok', 'clock of the issuer ok']],
    [
      'has another clock',
      (issuer) => JSON.stringify({ issuer }),
      new Date(0),
      ['issuer ok', 'clock of the issuer failed'],
    ],
    ['is another one', () => '{"issuer":"https://other.example"}', undefined, ['issuer failed']],
    ['is no provider', () => 'It works!', undefined, ['issuer failed']],
  ])('the issuer %s', async (_what, answer, date, expected) => {
    expect(statusesOf(await issuerOf(answer, date))).toEqual(expected);
  });

  test('the issuer at a private address: the line names OUTBOUND_ALLOW', async () => {
    const [found] = await issuerFindings({ config: config({ ISSUER: 'https://10.1.2.3' }), clock, log });
    expect(found).toMatchObject({ name: 'issuer', status: 'warning' });
    expect(found!.next).toContain('OUTBOUND_ALLOW=10.1.2.3');
  });

  test('the issuer that is away', async () => {
    const [found] = await issuerFindings({ config: config({ ISSUER: 'http://localhost:9' }), clock, log });
    expect(found).toMatchObject({ name: 'issuer', status: 'failed' });
  });

  test('TLS ended by a proxy, or not used', () => {
    const proxy = { ISSUER: 'https://id.example.com', TRUSTED_PROXIES: '10.0.0.1' };
    expect(statusesOf(tlsFindings({ config: config(proxy), clock }))).toEqual(['tls ok']);
    expect(statusesOf(tlsFindings({ config: config(), clock }))).toEqual(['tls ok']);
  });

  test.each([
    ['for the host', 'https://localhost:3000', '2026-05-17', ['tls ok', 'client authorities ok']],
    ['for another host', 'https://id.example.com', '2026-05-17', ['tls failed']],
    ['that has ended', 'https://localhost:3000', '2999-01-01', ['tls failed', 'client authorities failed']],
  ])('a certificate %s', (_what, issuer, day, expected) => {
    const file = (name: string) => join(import.meta.dirname, '../support/certificates', name);
    const env = {
      ISSUER: issuer,
      TLS_CERT: file('server.pem'),
      TLS_KEY: file('server.key'),
      TLS_CLIENT_CA: file('ca.pem'),
    };
    const findings = tlsFindings({ config: config(env), clock: { now: () => new Date(day) } });
    expect(statusesOf(findings)).toEqual(expected);
  });
});

describe('signing keys', () => {
  const policies = { for: () => ({ oidc: sections.oidc.parse({}), session: sections.session.parse({}) }) };
  const keys = (since: string, families = ['RSA', 'EC', 'OKP']) => ({
    list: async () =>
      families.map((family) => ({ family, state: 'current', createdAt: new Date(since), activatedAt: null })) as never,
  });

  test.each<[what: string, list: ReturnType<typeof keys>, expected: string]>([
    ['are well', keys('2026-05-01'), 'signing keys ok'],
    ['sign for too long', keys('2026-01-01'), 'signing keys warning'],
    ['are missing', keys('2026-05-01', []), 'signing keys failed'],
  ])('%s', async (_what, list, expected) => {
    const found = await keyFindings({ keys: list, policies, clock });
    expect(new Set(statusesOf(found))).toEqual(new Set([expected]));
  });
});

describe('the command', () => {
  async function run(words: readonly string[], env: Record<string, string>, answer?: object) {
    let out = '';
    const stdout = new Writable({ write: (chunk, _encoding, done) => ((out += String(chunk)), done()) });
    const openApp = async () => ({
      run: async () => ({ ok: true, result: answer }) as const,
      close: async () => undefined,
    });
    const code = await runCommandLine(['doctor', ...words], {
      terminal: { stdout, stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) },
      env,
      ...(answer ? { openApp } : {}),
    });
    return { code, out };
  }

  test.each([
    ['ok', 0],
    ['warning', 0],
    ['failed', 1],
  ])('%s: exit code %i', async (status, code) => {
    const report = {
      status,
      findings: [{ name: 'mail', status, message: 'So it is.', next: status === 'ok' ? null : 'Do this.' }],
    };
    const text = await run([], served, report);
    expect(text.code).toBe(code);
    expect(text.out).toContain(`${status.padEnd(7)}  mail  So it is.`);
    expect(text.out.includes('→ Do this.')).toBe(status !== 'ok');
    expect(JSON.parse((await run(['--json'], served, report)).out)).toEqual(report);
  });

  test('shows wrong variables as lines', async () => {
    const { code, out } = await run(['--json'], { PORT: 'many', LOG_LEVEL: 'loud' });
    const { findings } = JSON.parse(out) as { findings: Finding[] };
    expect([code, statusesOf(findings)]).toEqual([1, ['configuration failed', 'configuration failed']]);
    expect(findings.map(({ message }) => message).join('\n')).toMatch(/PORT must .*LOG_LEVEL must/s);
  });

  test('shows a database that is away as a line', async () => {
    const env = { ...served, DATABASE_URL: 'postgres://127.0.0.1:9/latchkey', DATABASE_CONNECT_SECONDS: '1' };
    const { code, out } = await run(['--json'], env);
    const { findings } = JSON.parse(out) as { findings: Finding[] };
    expect([code, statusesOf(findings)]).toEqual([1, ['database failed']]);
    expect(findings[0]!.next).toContain('DATABASE_URL');
  });
});

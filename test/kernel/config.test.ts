import { describe, expect, test } from 'vitest';
import { readConfig } from '#kernel/config.ts';

const secret = 'k7Gm2pQxVb9sLd4TzWn8YcRf3HjUa6Ee';
const production = {
  DATABASE_URL: 'postgres://latchkey@db/latchkey',
  ISSUER: 'https://id.example.com',
  LATCHKEY_SECRETS: secret,
};

describe('the configuration', () => {
  test('needs no variable for a trial', () => {
    expect(readConfig({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      issuer: 'http://localhost:3000',
      embedded: true,
      webConcurrency: 1,
      secrets: undefined,
      redisUrl: undefined,
    });
  });

  test('treats an empty variable as not set', () => {
    expect(readConfig({ DATABASE_URL: '', PORT: '' })).toMatchObject({ embedded: true, port: 3000 });
  });

  test('reads a production environment', () => {
    const config = readConfig({
      ...production,
      TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1',
      OUTBOUND_ALLOW: 'idp.internal',
      WEB_CONCURRENCY: '3',
    });
    expect(config).toMatchObject({
      embedded: false,
      issuer: 'https://id.example.com',
      trustedProxies: ['10.0.0.0/8', '192.0.2.1'],
      outboundAllow: ['idp.internal'],
      webConcurrency: 3,
      secrets: [secret],
    });
  });

  test('derives the issuer from the port and the TLS listener', () => {
    expect(readConfig({ PORT: '4000' }).issuer).toBe('http://localhost:4000');
    expect(readConfig({ PORT: '4000', TLS_CERT: 'c.pem', TLS_KEY: 'k.pem' }).issuer).toBe('https://localhost:4000');
  });

  test.each([
    [
      'no secrets in production',
      { ...production, LATCHKEY_SECRETS: undefined },
      /LATCHKEY_SECRETS is required.*openssl/s,
    ],
    ['a short secret', { ...production, LATCHKEY_SECRETS: 'short' }, /LATCHKEY_SECRETS.*32 characters/],
    ['a secret that is one letter', { ...production, LATCHKEY_SECRETS: 'a'.repeat(40) }, /LATCHKEY_SECRETS.*guessed/],
    ['a secret twice', { ...production, LATCHKEY_SECRETS: `${secret},${secret}` }, /LATCHKEY_SECRETS.*once/],
    [
      'a short one beside a long one',
      { ...production, LATCHKEY_SECRETS: `${secret},short` },
      /LATCHKEY_SECRETS.*32 characters/,
    ],
    ['a port that is none', { PORT: '70000' }, /^PORT must be a whole number from 0 to 65535\. /],
    ['a port in words', { PORT: 'http' }, /^PORT must be a whole number from 0 to 65535\. /],
    ['half a port', { PORT: '80.5' }, /^PORT must be a whole number from 0 to 65535\. [^\n]*$/],
    ['a pool without a connection', { DATABASE_POOL: '0' }, /^DATABASE_POOL must be a whole number from 1 to 200\. /],
    ['another database', { DATABASE_URL: 'mysql://db/x' }, /DATABASE_URL must be a URL that begins with postgres/],
    ['another cache', { REDIS_URL: 'memcached://x' }, /REDIS_URL must be a URL that begins with redis/],
    ['two processes on the embedded database', { WEB_CONCURRENCY: '2' }, /WEB_CONCURRENCY.*DATABASE_URL/],
    [
      'a replica of nothing',
      { DATABASE_REPLICA_URL: 'postgres://replica/x' },
      /DATABASE_REPLICA_URL needs DATABASE_URL/,
    ],
    ['a certificate without its key', { TLS_CERT: 'c.pem' }, /TLS_CERT and TLS_KEY/],
    ['client certificates without a listener', { TLS_CLIENT_CA: 'ca.pem' }, /TLS_CLIENT_CA needs/],
    ['a level that is none', { LOG_LEVEL: 'loud' }, /^LOG_LEVEL must be one of fatal, error, warn, /],
  ])('refuses %s, naming the variable and the fix', (_what, env, why) => {
    expect(() => readConfig(env)).toThrow(why);
  });
});

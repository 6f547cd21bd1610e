import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { createKeys, type PrivateJwk } from '#oidc/keys/module.ts';
import { recordingAudit } from '../../support/audit.ts';
import { openTestDatabase } from '../../support/database.ts';
import { testKeyPolicies } from '../../support/keys.ts';

const audience = 'https://api.example';
const log = createLog({ level: 'silent' });

let database: Database;
let keys: ReturnType<typeof createKeys>;

beforeAll(async () => {
  database = await openTestDatabase();
  keys = createKeys({
    database,
    keyRing: createKeyRing(['a-secret-of-the-key-ring-with-32-b']),
    clock: systemClock,
    log,
    audit: recordingAudit(),
    policies: testKeyPolicies,
  });
  await keys.start();
  await keys.rotation.rotate({}, { actor: { type: 'operator' } });
});
afterAll(() => database.close());

/** The engine with our keys, asked over HTTP for an access token of each algorithm. */
async function withEngine<T>(alg: string, work: (issuer: string) => Promise<T>): Promise<T> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const engine = new Provider(issuer, {
    jwks: { keys: keys.service.findSigningKeys() },
    clients: [
      {
        client_id: 'robot',
        client_secret: 's'.repeat(32),
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          audience,
          scope: 'read',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: alg as 'ES256' } },
        }),
      },
    },
  });
  const serve = engine.callback();
  server.on('request', (request, response) => void serve(request, response));
  try {
    return await work(issuer);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function accessToken(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`robot:${'s'.repeat(32)}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience, scope: 'read' }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

describe('the engine with next, current and previous keys', () => {
  test.each([
    ['RS256', 'RSA'],
    ['PS256', 'RSA'],
    ['ES256', 'EC'],
    ['EdDSA', 'OKP'],
    ['Ed25519', 'OKP'],
  ])('signs %s with the current %s key, and a relying party verifies it with the published key', async (alg, kty) => {
    await withEngine(alg, async (issuer) => {
      const token = await accessToken(issuer);
      const current = await database.sql<{ kid: string }>(
        `select kid from signing_key where family = $1 and state = 'current'`,
        [kty],
      );
      const id = current[0]?.kid;
      const isSecond = alg === 'PS256' || alg === 'Ed25519';
      expect(decodeProtectedHeader(token)).toMatchObject({ alg, kid: isSecond ? `${id}.${alg}` : id, typ: 'at+jwt' });
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), {
        audience,
        issuer,
        algorithms: [alg],
      });
      expect(payload['scope']).toBe('read');
    });
  });

  test('publishes exactly our public keys, and no private member', async () => {
    await withEngine('ES256', async (issuer) => {
      const { keys: served } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: PrivateJwk[] };
      const essence = ({ kid, kty, use, alg, n, e, crv, x, y }: Partial<PrivateJwk>) => ({
        kid,
        kty,
        use,
        alg,
        n,
        e,
        crv,
        x,
        y,
      });
      expect(served.map(essence)).toEqual(keys.service.publishedJwks().keys.map(essence));
      expect(JSON.stringify(served)).not.toMatch(/"(d|p|q|dp|dq|qi|oth|k)":/);
    });
  });
});

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '#kernel/database.ts';
import { connectionsOn, signInAt } from '../support/connections.ts';
import { openTestDatabase } from '../support/database.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let database: Database;
let upstream: Upstream;
let node: ReturnType<typeof connectionsOn>;

beforeAll(async () => {
  database = await openTestDatabase();
  upstream = await startUpstream();
  node = connectionsOn(database, { upstream });
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  upstream.openid(upstream.url, claims);
  await node.call('connections.create', {
    slug: 'acme',
    provider: 'oidc',
    issuer: upstream.url,
    client_id: 'latchkey',
    client_secret: 'shared secret',
    trusts_email: true,
  });
});

const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
/** The stub gives the nonce as the code. */
const claims = ({ body }: { body: URLSearchParams }) => ({
  iss: upstream.url,
  aud: 'latchkey',
  sub: 'user-1',
  exp: seconds() + 300,
  iat: seconds(),
  nonce: body.get('code'),
  email: 'Nina@Fernway.example',
  email_verified: true,
  name: 'Nina Fernway',
});

test('a sign-in ends with a profile', async () => {
  expect(await signInAt(node, 'acme')).toMatchObject({
    kind: 'profile',
    purpose: 'sign-in',
    profile: {
      issuer: upstream.url,
      subject: 'user-1',
      email: { address: 'nina@fernway.example', isTrusted: true },
      name: 'Nina Fernway',
      connection: { slug: 'acme', provider: 'oidc', organizationId: null },
    },
  });
});

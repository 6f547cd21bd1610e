/** The reference: plain node-oidc-provider in memory, with the same keys and clients, in its own process. */
import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Provider, type Configuration } from 'oidc-provider';

/** The environment says which client and which APIs both sides have. */
export type Setup = {
  port: number;
  client: { client_id: string; client_secret: string; redirect_uris: string[] };
  scope: string;
  apis: { identifier: string; alg: 'ES256' | 'RS256' }[];
  people: { email: string }[];
};

export type Minted = { accessTokens: string[]; refreshTokens: string[] };

const setup = JSON.parse(process.env['BENCH_SETUP'] ?? '{}') as Setup;

const jwk = (pair: { privateKey: { export(options: { format: 'jwk' }): object } }, extra: object): object => ({
  ...pair.privateKey.export({ format: 'jwk' }),
  use: 'sig',
  ...extra,
});
const keys = [
  jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), {}),
  jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), { alg: 'ES256' }),
  jwk(generateKeyPairSync('ed25519'), {}),
];

const hour = 3600;
const configuration: Configuration = {
  jwks: { keys },
  routes: { token: '/oidc/token', introspection: '/oidc/introspect', userinfo: '/oidc/userinfo', jwks: '/oidc/jwks' },
  clients: [
    {
      ...setup.client,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
    },
  ],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  cookies: { keys: ['one key for cookies'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async (_ctx, identifier) => {
        const api = setup.apis.find((known) => known.identifier === identifier);
        if (!api) throw new Error('there is no such API');
        return {
          scope: 'read',
          audience: identifier,
          accessTokenTTL: hour,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: api.alg } },
        };
      },
    },
  },
  findAccount: async (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: 'Ada Lovelace', email: id, email_verified: true }),
  }),
  rotateRefreshToken: true,
  ttl: {
    AccessToken: hour,
    ClientCredentials: hour,
    RefreshToken: 24 * hour,
    Grant: 24 * hour,
    IdToken: hour,
    Session: hour,
    Interaction: hour,
    AuthorizationCode: 60,
  },
};

const provider = new Provider(`http://localhost:${setup.port}`, configuration);
provider.on('server_error', (_ctx, error) => process.stderr.write(`${error.stack}\n`));

/** Data that sign-ins would have stored. */
async function mint(count: number): Promise<Minted> {
  const client = await provider.Client.find(setup.client.client_id);
  if (!client) throw new Error('the client is not there');
  const minted: Minted = { accessTokens: [], refreshTokens: [] };
  for (let i = 0; i < count; i += 1) {
    const accountId = setup.people[i % setup.people.length]?.email ?? '';
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope(setup.scope);
    const grantId = await grant.save();
    const about = {
      accountId,
      client,
      grantId,
      gty: 'authorization_code',
      scope: setup.scope,
      sessionUid: `session-${i}`,
      expiresWithSession: false,
      claims: {},
    };
    minted.accessTokens.push(await new provider.AccessToken(about).save());
    minted.refreshTokens.push(
      await new provider.RefreshToken({
        ...about,
        authTime: Math.floor(Date.now() / 1000),
        nonce: 'no',
      }).save(),
    );
  }
  return minted;
}

process.on('message', ({ count }: { count: number }) => void mint(count).then((minted) => process.send?.({ minted })));
const server = provider.listen(setup.port, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);

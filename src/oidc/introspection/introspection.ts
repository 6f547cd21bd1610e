import type { Client, KoaContextWithOIDC, Configuration } from 'oidc-provider';
import type { ApiStore } from '../resources.ts';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import { type Origin, readOrigin, writeOrigin } from '../authority/origin.ts';
import type { Engine } from '../engine.ts';
import type { Handles } from '../artifacts/handles.ts';
import type { OrganizationClaims } from '../organizations/organization-claims.ts';

type Token = { clientId?: string | undefined; aud?: string | string[] | undefined };

/**
 * RFC 7662 §4: a caller learns about tokens that it got itself, and about those whose audience it serves. Everybody else
 * hears `{"active":false}` and nothing more. Tokens of a client that is gone were refused before.
 */
export function mayIntrospect(apis: Pick<ApiStore, 'isServedBy'>) {
  return async (_ctx: KoaContextWithOIDC, client: Client, { clientId, aud }: Token): Promise<boolean> => {
    if (client.clientAuthMethod === 'none' || clientId === undefined) return false;
    if (clientId === client.clientId) return true;
    const audiences = [aud].flat().filter((audience) => audience !== undefined);
    const serves = await Promise.all(audiences.map((audience) => apis.isServedBy(audience, client.clientId)));
    return serves.includes(true);
  };
}

type Customizers = NonNullable<NonNullable<Configuration['formats']>['customizers']>;
type Dependencies = {
  issuer: string;
  clock: Clock;
  handles: Pick<Handles, 'make'>;
  /** Every key whose signatures still count; public members are enough. */
  jwks: JSONWebKeySet;
};

/**
 * A JWT is not stored, so that nothing can be looked up by it. The name of its grant stands in its `jti`, as a hash that
 * opens nothing, and how it came to be: so that at least here it is over as soon as the grant is, or the client changes. The
 * organization of a token, and rights, are said in claims of their own.
 */
export const nameGrant =
  (organizations: Pick<OrganizationClaims, 'ofToken'>): NonNullable<Customizers['jwt']> =>
  async (_ctx, token, { payload }) => {
    const issued = token as {
      grantId?: string;
      gty?: string;
      origin?: Origin;
      accountId?: string;
      clientId?: string;
      aud?: string;
    };
    const grant = issued.grantId === undefined ? '' : sha256(issued.grantId).toString('base64url');
    payload['jti'] = `${String(payload['jti'])}.${grant}.${writeOrigin(issued)}`;
    const { accountId, clientId = '', origin, aud: audience } = issued;
    const organization = origin?.organization ?? null;
    Object.assign(payload, await organizations.ofToken({ acting: { clientId, accountId }, organization, audience }));
  };

/** Reads an access token that is a JWT of ours; undefined when its grant is over. Throws for every other text. */
export function jwtReader(
  engine: Engine,
  { issuer, clock, handles, jwks }: Dependencies,
): (jwt: string) => Promise<object | undefined> {
  const keySet = createLocalJWKSet(jwks);
  return async function read(jwt) {
    const { payload, protectedHeader } = await jwtVerify(jwt, keySet, {
      issuer,
      typ: 'at+jwt',
      currentDate: clock.now(),
    });
    const { jti = '', aud, iat, exp, scope, cnf, client_id: clientId, org_id: organization } = payload;
    const [, grantHash = '', text = ''] = jti.split('.');
    const { gty, origin } = readOrigin(text);
    const circumstances = { gty, origin: organization === undefined ? origin : { ...origin, organization } };
    const common = { jti, aud, iat, exp, scope, clientId, ...(cnf as object | undefined), ...circumstances };
    const signature = { jwtAlg: protectedHeader.alg };
    if (grantHash === '') return Object.assign(new engine.ClientCredentials(common as never), signature);
    const grant = await engine.Grant.find(handles.make(Buffer.from(grantHash, 'base64url')));
    const owned = { ...common, grantId: grant?.jti, accountId: grant?.accountId };
    return grant && Object.assign(new engine.AccessToken(owned as never), signature);
  };
}

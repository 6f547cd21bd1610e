import { type ClientMetadata, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { isDeepStrictEqual } from 'node:util';
import { ownMembers, PROFILE_MEMBER } from '#applications/clients/module.ts';
import { responseTypes } from '../profiles.ts';
import { instance, type Policies } from '#settings/module.ts';

/** Default metadata of a registration (RFC 7591 §2). */
const DEFAULT_GRANTS = ['authorization_code'];

/** RFC 8705 §3.4. The engine forgets it where no certificate can arrive; the demand stays all the same, and nothing meets it. */
export const CERTIFICATE_BOUND_MEMBER = 'tls_client_certificate_bound_access_tokens';

/**
 * The limits for software that registers itself (RFC 7591 §3, RFC 7592 §2.2): the operator's ceiling of grants, scopes
 * and members of ours, applied to every registration and every update in full. Addresses, algorithms and the rest are judged where every
 * client is, in applications/clients/metadata-rules.ts.
 */
export function registrationPolicy(
  policies: Policies<'oidc'>,
  { certificates }: { certificates: object | null },
): NonNullable<Configuration['extraClientMetadata']> {
  return {
    // The engine calls once for each of these, with the whole metadata; without a context the client is one that is stored.
    properties: [PROFILE_MEMBER, ...ownMembers, ...(certificates ? [] : [CERTIFICATE_BOUND_MEMBER])],
    validator: (ctx, property, value, metadata) => {
      if (!ctx || property === CERTIFICATE_BOUND_MEMBER) return;
      const { oidc } = policies.for(instance);
      if (!(oidc.registrationMembers as readonly string[]).includes(property))
        keepDecision(ctx, property, value, metadata);
      limitGrants(metadata, oidc.registrationGrants);
      limitResponses(metadata, responseTypes(oidc, ctx.oidc.client?.[PROFILE_MEMBER]));
      limitScope(metadata, oidc.registrationScopes);
    },
  };
}

/** The operator's decision: a client may say again what it read, and no more. */
function keepDecision(ctx: KoaContextWithOIDC, property: string, value: unknown, metadata: ClientMetadata): void {
  const decided = ctx.oidc.client?.[property];
  if (value !== undefined && !isDeepStrictEqual(value, decided))
    throw new errors.InvalidClientMetadata(`${property} cannot be registered`);
  if (decided !== undefined) Object.assign(metadata, { [property]: decided });
}

function limitGrants({ grant_types: asked }: ClientMetadata, allowed: readonly string[]): void {
  const refused = listOf(asked, DEFAULT_GRANTS).filter((grant) => !allowed.includes(grant));
  if (refused.length > 0)
    throw new errors.InvalidClientMetadata(
      `grant_types must not hold ${refused.join(', ')}: software may register ${allowed.join(', ')}`,
    );
}

/** The engine knows the response type of a profile, which a registration cannot choose. The order of its words has no meaning. */
function limitResponses({ response_types: asked }: ClientMetadata, allowed: readonly string[]): void {
  const known = (type: string) => allowed.includes(type.split(' ').toSorted().join(' '));
  const refused = listOf(asked, ['code']).filter((type) => !known(type));
  if (refused.length > 0)
    throw new errors.InvalidClientMetadata(
      `response_types must not hold ${refused.join(', ')}: the operator allows ${allowed.join(', ')}`,
    );
}

/** Software without requested scopes gets the ceiling itself, stored, so that a later, higher ceiling does not apply to it. */
function limitScope(metadata: ClientMetadata, allowed: readonly string[]): void {
  const { scope } = metadata;
  if (scope === undefined) {
    Object.assign(metadata, { scope: allowed.join(' ') });
    return;
  }
  const refused = typeof scope === 'string' ? scope.split(' ').filter((word) => !allowed.includes(word)) : [];
  if (refused.length > 0)
    throw new errors.InvalidClientMetadata(
      `scope must not hold ${refused.join(', ')}: software may register ${allowed.join(', ')}`,
    );
}

/** The shape of the metadata is checked after this; a value of another type is left for that check to refuse. */
function listOf(value: unknown, otherwise: readonly string[]): string[] {
  if (value === undefined) return [...otherwise];
  return Array.isArray(value) ? value.map(String) : [];
}

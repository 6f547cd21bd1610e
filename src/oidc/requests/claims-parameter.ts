import { type Configuration, errors } from 'oidc-provider';
import type { Policies } from '#settings/module.ts';
import { mayBeTold } from '../claims.ts';
import { isPlainJson } from '#kernel/http/body.ts';
import { MOST_CLAIMS } from '../limits.ts';

/** OpenID Connect Core §5.5: each claim is asked for by null or by an object; the engine looks no deeper than the two lists. */
export const claimsParameter = (
  policies: Policies<'profile'>,
): NonNullable<NonNullable<Configuration['features']>['claimsParameter']> => ({
  enabled: true,
  assertClaimsParameter: (_ctx, { userinfo, id_token: idToken }, client) => {
    if (!isPlainJson({ userinfo, idToken }))
      throw new errors.InvalidRequest('claims should be text without NUL, and not nested deeply');
    const { properties } = policies.for({ client: client.clientId }).profile;
    for (const [place, asked] of Object.entries({ userinfo, id_token: idToken })) {
      const requests = Object.entries(asked ?? {});
      if (requests.length > MOST_CLAIMS)
        throw new errors.InvalidRequest(`claims.${place} should not name more than ${MOST_CLAIMS} claims`);
      const wrong = requests.find(
        ([, request]) => request !== null && (typeof request !== 'object' || Array.isArray(request)),
      );
      if (wrong) throw new errors.InvalidRequest(`claims.${place} members should be null or an object`);
      const refused = requests.find(([claim]) => !mayBeTold(client.scope, claim, properties));
      if (refused) throw new errors.InvalidScope('requested claim is not allowed', refused[0]);
    }
  },
});

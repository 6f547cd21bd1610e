import type { ConsentRequested } from '#sign-in/interaction/module.ts';
import { claimNames, type Decision } from '#oidc/module.ts';
import type { ConsentScope } from './consent-view.ts';

/** An API with the scopes that the client may ask for. */
export type ConsentApi = {
  identifier: string;
  name: string;
  scopes: readonly { name: string; description: string | null }[];
};

const standardScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
]);

/** The requested rights of a client: as the page shows them, and as they are granted when the user consents. */
type ConsentRequest = { shown: readonly ConsentScope[]; claims: readonly string[]; decision: Decision };

/** The engine's list of what is missing, with what was asked for again (`prompt=consent`). */
export function consentRequest(
  { params, prompt }: Pick<ConsentRequested, 'params' | 'prompt'>,
  apis: readonly ConsentApi[],
  organization: string | null,
): ConsentRequest {
  const asked = words(params['scope']);
  const missing = prompt.details['missingOIDCScope'] as readonly string[] | undefined;
  const scopes = [...new Set([...asked.filter((scope) => standardScopes.has(scope)), ...(missing ?? [])])];
  const claims = [
    ...new Set([
      ...askedClaims(params['claims']),
      ...((prompt.details['missingOIDCClaims'] as readonly string[] | undefined) ?? []),
    ]),
  ];
  const resourceScopes = new Map<string, readonly string[]>();
  const shown: ConsentScope[] = scopes
    .filter((scope) => scope !== 'openid')
    .map((name) => ({ name, description: null, api: null }));
  for (const api of apis) {
    const wanted = api.scopes.filter((scope) => asked.includes(scope.name));
    if (wanted.length === 0) continue;
    resourceScopes.set(
      api.identifier,
      wanted.map((scope) => scope.name),
    );
    shown.push(...wanted.map((scope) => ({ name: scope.name, description: scope.description, api: api.name })));
  }
  if (shown.length === 0) shown.push({ name: 'openid', description: null, api: null });
  return { shown, claims, decision: { scopes, claims, resourceScopes, organization } };
}

/** The APIs that a request names (RFC 8707). */
export function askedResources(params: Readonly<Record<string, unknown>>): readonly string[] {
  const { resource } = params;
  if (Array.isArray(resource)) return resource.filter((item): item is string => typeof item === 'string');
  return typeof resource === 'string' ? [resource] : [];
}

function words(text: unknown): string[] {
  return typeof text === 'string' ? text.split(' ').filter(Boolean) : [];
}

/**
 * OpenID Connect Core §5.5; the engine has checked the parameter's shape. Claims about the authentication are not a matter of
 * consent; names that are no claims would put the client's words on our page.
 */
function askedClaims(parameter: unknown): string[] {
  if (typeof parameter !== 'string') return [];
  const { userinfo, id_token: idToken } = JSON.parse(parameter) as { userinfo?: object; id_token?: object };
  const protocol = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss']);
  return [...Object.keys(userinfo ?? {}), ...Object.keys(idToken ?? {})].filter(
    (claim) => claimNames.has(claim) && !protocol.has(claim),
  );
}

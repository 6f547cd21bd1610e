import type { Configuration, Grant, KoaContextWithOIDC } from 'oidc-provider';
import type { FindConsent, RememberedConsent } from './authority/authority.ts';
import { type CurrentAuthority, narrow } from './authority/current-authority.ts';
import { requireStillAllowed } from './authority/open-requests.ts';
import { settleOfflineAccess } from './offline-access.ts';

/**
 * The grant of this session and client, or a new one made from what the user remembers to have allowed. Consent is ours to
 * remember: a grant ends with the session that it served, the decision does not.
 */
export function loadExistingGrant(
  findConsent: FindConsent,
  authority: CurrentAuthority,
): NonNullable<Configuration['loadExistingGrant']> {
  return async (ctx) => {
    const { oidc } = ctx;
    const { client, session, account } = oidc;
    if (!client || !account) return undefined;
    requireStillAllowed(ctx, authority);
    const consent = await findConsent(account.accountId, client.clientId);
    settleOfflineAccess(ctx, consent);
    const { Grant } = oidc.provider;
    const id = oidc.result?.consent?.grantId ?? session?.grantIdFor(client.clientId);
    const existing = id ? await Grant.find(id) : undefined;
    const grant = existing ?? new Grant({ accountId: account.accountId, clientId: client.clientId });
    const resources = Object.keys(oidc.resourceServers ?? {});
    narrow(grant, await authority.under(consent, client, [...resources, ...Object.keys(grant.resources ?? {})]));
    if (!consent || oidc.result?.consent) return existing;
    if (extend(ctx, grant, consent) || !existing) await grant.save();
    return grant;
  };
}

/** Adds what is asked for, allowed, and not yet in the grant; false when there was nothing to add. */
function extend({ oidc }: KoaContextWithOIDC, grant: Grant, consent: RememberedConsent): boolean {
  const allowed = (set: ReadonlySet<string>, name: string) => consent === 'everything' || set.has(name);
  const none: ReadonlySet<string> = new Set();
  const granted = new Set(grant.getOIDCScope().split(' '));
  const scopes = [...oidc.requestParamOIDCScopes].filter(
    (scope) => !granted.has(scope) && allowed(consent === 'everything' ? none : consent.scopes, scope),
  );
  const knownClaims = new Set(grant.getOIDCClaims());
  const claims = [...oidc.requestParamClaims].filter(
    (claim) => !knownClaims.has(claim) && allowed(consent === 'everything' ? none : consent.claims, claim),
  );
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  if (claims.length > 0) grant.addOIDCClaims(claims);
  let changed = scopes.length + claims.length > 0;
  for (const [identifier, server] of Object.entries(oidc.resourceServers ?? {})) {
    const had = new Set(grant.getResourceScope(identifier).split(' '));
    const remembered = consent === 'everything' ? none : (consent.resourceScopes.get(identifier) ?? none);
    const added = [...oidc.requestParamScopes].filter(
      (scope) => server.scopes.has(scope) && !had.has(scope) && allowed(remembered, scope),
    );
    if (added.length === 0) continue;
    grant.addResourceScope(identifier, added.join(' '));
    changed = true;
  }
  return changed;
}

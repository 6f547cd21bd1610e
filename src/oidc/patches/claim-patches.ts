import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { ABOUT, type About, claimsInIdToken, mappedClaims, mapsRights, namesOf } from '../told-claims/told-claims.ts';
import type { Origin } from '../authority/origin.ts';
import { type Patch, type PatchDependencies, source } from './patch.ts';

/** The engine's answer to "what may be said of this user", for an ID token or for userinfo; it has no types. */
type Claims = {
  available: Readonly<Record<string, unknown>> & { readonly [ABOUT]?: About };
  client: Client;
  ctx: KoaContextWithOIDC | undefined;
  /** The claims that are asked for and granted. */
  filter: Readonly<Record<string, unknown>>;
  scope(granted?: string): Claims;
  mask(asked: Readonly<Record<string, null>>): void;
  result(): Promise<Record<string, unknown>>;
  /** Ours: the granted scopes. */
  granted?: readonly string[];
};

export const toldClaims: Patch = {
  members: { 'Claims.prototype.scope': { method: 0 }, 'Claims.prototype.result': { method: 0 } },
  reason:
    'The engine puts the claims of the granted scopes into all ID tokens or into none, and knows the same claims for every client.',
  upstream: source('helpers/claims.js'),
  apply(engine, { settings, organizations, organizationClaims, organizationStore }) {
    const { prototype } = (engine as unknown as { Claims: { prototype: Claims } }).Claims;
    const { scope, result } = prototype;
    const scopeClaims = settings.claims ?? {};
    prototype.scope = function scopeOfPlace(granted = '') {
      this.granted = granted.split(' ');
      const wanted =
        this.available[ABOUT]?.place === 'id_token' ? claimsInIdToken(this, this.granted, scopeClaims) : null;
      if (wanted === null) return scope.call(this, granted);
      scope.call(this, 'openid');
      this.mask(Object.fromEntries(wanted.map((claim) => [claim, null])));
      return this;
    };
    prototype.result = async function resultForClient() {
      const told = await result.call(this);
      const about = this.available[ABOUT];
      if (!about) return told;
      const { granted = [], filter, available, client } = this;
      const names = namesOf(about, { isEmailTold: granted.includes('email') || 'email' in filter, sub: told['sub'] });
      const asked = Object.entries(names).filter(([name, value]) => name in filter && value !== undefined);
      const standard = { ...available, ...names };
      const acting = { clientId: client.clientId, accountId: String(available['sub']) };
      const organization =
        about.organization === undefined ? await organizationIn(this, organizations) : about.organization;
      const rights = mapsRights(client, about, granted) ? await organizationStore.rightsOf(acting, organization) : null;
      return {
        ...told,
        ...Object.fromEntries(asked),
        ...mappedClaims(client, about, { granted, standard, scopeClaims, rights }),
        ...(organization === null ? {} : await organizationClaims.of(acting, organization)),
      };
    };
  },
};

/** Of the access token that is issued or shown now; in an answer of the authorization endpoint, of the sign-in. Null for none. */
async function organizationIn(
  { ctx }: Claims,
  organizations: PatchDependencies['organizations'],
): Promise<string | null> {
  if (ctx?.oidc.account === undefined) return null;
  const token = ctx.oidc.entities.AccessToken as { origin?: Origin } | undefined;
  return (token ? token.origin?.organization : await organizations.ofIssue(ctx, 'IdToken', undefined)) ?? null;
}

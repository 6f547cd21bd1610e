import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { claimsInIdToken, PLACE, type Place } from '../told-claims.ts';
import { type Patch, source } from './patch.ts';

/** The engine's answer to "what may be said of this user", for an ID token or for userinfo; it has no types. */
type Claims = {
  available: Readonly<Record<string, unknown>> & { readonly [PLACE]?: Place };
  client: Client;
  ctx: KoaContextWithOIDC | undefined;
  scope(granted?: string): Claims;
  mask(asked: Readonly<Record<string, null>>): void;
};

export const toldClaims: Patch = {
  members: { 'Claims.prototype.scope': { method: 0 } },
  reason:
    'The engine puts the claims of the granted scopes into all ID tokens or into none; here each client has a say.',
  upstream: source('helpers/claims.js'),
  apply(engine, { settings }) {
    const { prototype } = (engine as unknown as { Claims: { prototype: Claims } }).Claims;
    const { scope } = prototype;
    prototype.scope = function scopeOfPlace(granted = '') {
      const wanted =
        this.available[PLACE] === 'id_token' ? claimsInIdToken(this, granted.split(' '), settings.claims ?? {}) : null;
      if (wanted === null) return scope.call(this, granted);
      scope.call(this, 'openid');
      this.mask(Object.fromEntries(wanted.map((claim) => [claim, null])));
      return this;
    };
  },
};

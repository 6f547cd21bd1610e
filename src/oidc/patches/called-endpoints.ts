import type { KoaContextWithOIDC } from 'oidc-provider';
import type { State } from '#kernel/http/context.ts';
import { type Patch, source } from './patch.ts';

type Called = { ctx: KoaContextWithOIDC; route: string; urlFor(name: string, parameters?: object): string };

/** Its URL at the alias; every other URL, and every URL in an answer, is the issuer's. */
export const calledEndpoints: Patch = {
  members: { 'OIDCContext.prototype.urlFor': { method: 2 } },
  reason:
    'The engine knows one URL of each endpoint. A client that calls an alias names that one in its proof of a key (RFC 9449 §4.3) and as audience.',
  upstream: source('helpers/oidc_context.js'),
  apply(engine) {
    const model = engine.OIDCContext.prototype as unknown as Called;
    const { urlFor } = model;
    model.urlFor = function urlForCalled(name, parameters) {
      const { calledOrigin, calledUrl } = this.ctx.state as Partial<State>;
      const isByAlias = calledUrl !== undefined && calledOrigin !== this.ctx.origin;
      const isOfRequest = name === this.route && parameters === undefined;
      return isByAlias && isOfRequest ? calledUrl : urlFor.call(this, name, parameters);
    };
  },
};

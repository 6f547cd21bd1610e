import { Router } from '#kernel/http/router.ts';
import { AppError } from '#kernel/errors.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { instance, type Policies } from '#settings/module.ts';

export type RelatedOriginDependencies = { issuer: URL; policies: Policies<'passkeys'> };

/** Which other sites may use the passkeys that are made for this host (WebAuthn 3 §5.11.1). */
export function relatedOriginRoutes({ issuer, policies }: RelatedOriginDependencies): Router<State> {
  const router = new Router<State>();

  router.get('/.well-known/webauthn', listOrigins);

  function listOrigins(ctx: Context): void {
    const { relatedOrigins } = policies.for(instance).passkeys;
    if (relatedOrigins.length === 0)
      throw new AppError({
        code: 'request.not_found',
        status: 404,
        message: 'No other site may use the passkeys of this site.',
      });
    ctx.body = { origins: [issuer.origin, ...relatedOrigins] };
  }

  return router;
}

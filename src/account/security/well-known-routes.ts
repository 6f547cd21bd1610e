import { AppError } from '#kernel/errors.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { issuerOf } from '#kernel/issuer.ts';
import { instance, type Policies } from '#settings/module.ts';

export type WellKnownDependencies = {
  config: { issuerUrl: URL };
  policies: Policies<'passkeys'>;
};

const CHANGE_PASSWORD = '/.well-known/change-password';
const PASSKEY_ENDPOINTS = '/.well-known/passkey-endpoints';

/** Where password managers and browsers look for these addresses of a site. */
export const wellKnownMounts: readonly Mount[] = [
  { path: CHANGE_PASSWORD, audience: 'page', methods: READ, wellKnown: 'of-host' },
  { path: PASSKEY_ENDPOINTS, audience: 'problem', methods: READ, crossOrigin: true, wellKnown: 'of-host' },
];

/** The page that changes a password (W3C A Well-Known URL for Changing Passwords) and those for passkeys (W3C Passkey Endpoints). */
export function wellKnownRoutes({ config, policies }: WellKnownDependencies): Router<State> {
  const router = new Router<State>();

  router.get(CHANGE_PASSWORD, leadToPassword);
  router.get(PASSKEY_ENDPOINTS, listPasskeyPages);

  /** The status that the specification names first, and that some managers alone follow. */
  function leadToPassword(ctx: Context): void {
    seeOther(ctx, '/account/password');
    ctx.status = 302;
  }

  function listPasskeyPages(ctx: Context): void {
    if (!policies.for(instance).passkeys.enabled)
      throw new AppError({ code: 'request.not_found', status: 404, message: 'This site has no passkeys.' });
    ctx.body = {
      enroll: `${issuerOf(config.issuerUrl)}/account/passkeys/new`,
      manage: `${issuerOf(config.issuerUrl)}/account/security`,
    };
  }

  return router;
}

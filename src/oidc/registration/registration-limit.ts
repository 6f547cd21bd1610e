import { addressKey } from '#kernel/http/address.ts';
import type { Context, Middleware } from '#kernel/http/context.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { instance, type Policies } from '#settings/module.ts';
import { tooManyRegistrations } from '../errors.ts';
import { REGISTRATION_WINDOW } from '../limits.ts';

/**
 * Open registration must not fill the database: limits registrations from one IP address (IPv6: one
 * /64) in an hour, counted before they are checked. Software with an initial access token was admitted by the operator.
 */
export function limitRegistrations(
  throttle: Pick<Throttle, 'consume'>,
  policies: Policies<'oidc' | 'limits'>,
): Middleware {
  return async function limitRegistrations(ctx: Context, next) {
    if (ctx.method !== 'POST' || ctx.path !== '/oidc/register') return next();
    const { oidc, limits } = policies.for(instance);
    if (oidc.registration !== 'open') return next();
    const policy = { name: 'registration', points: limits.registrationsPerAddress, duration: REGISTRATION_WINDOW };
    const outcome = await throttle.consume(policy, addressKey(ctx.state.ip));
    if (!outcome.allowed) throw tooManyRegistrations(outcome.retryAfter);
    return next();
  };
}

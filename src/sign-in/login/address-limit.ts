import { MINUTE } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { LoginDependencies } from './login-service.ts';

/** The time within which wrong passwords from one address are counted. */
const DURATION = 5 * MINUTE;

/** Wrong passwords from one address (IPv6: one /64) over all accounts. A right one is taken back; an act without an address has no limit here. */
export function addressLimit(throttle: Throttle, policies: Policies<'limits'>): LoginDependencies['addressLimit'] {
  const policy = () => ({
    name: 'login-address',
    points: policies.for(instance).limits.passwordFailuresPerAddress,
    duration: DURATION,
  });
  return {
    take: async (ip) => (ip === undefined ? { allowed: true } : throttle.consume(policy(), addressKey(ip))),
    forgive: async (ip) => (ip === undefined ? undefined : throttle.refund(policy(), addressKey(ip))),
  };
}

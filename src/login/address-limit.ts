import { MINUTE } from '#kernel/clock.ts';
import { addressKey } from '#kernel/http/address.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { LoginDependencies } from './login-service.ts';

const DURATION = 5 * MINUTE;

/** Wrong passwords from one address (IPv6: one /64) over all accounts. A right one is taken back. */
export function addressLimit(throttle: Throttle, points: () => number): LoginDependencies['addressLimit'] {
  const policy = () => ({ name: 'login-address', points: points(), duration: DURATION });
  return {
    take: (ip) => throttle.consume(policy(), addressKey(ip)),
    forgive: (ip) => throttle.refund(policy(), addressKey(ip)),
  };
}

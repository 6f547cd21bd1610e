import { LEAST_CODE_POINTS, LEAST_CODE_POINTS_WITH_SECOND_FACTOR } from './limits.ts';
import type { PolicyInForce } from './policies.ts';

/** The least length of a password: the one that is set, or the one of the standard. */
export function leastPasswordLength({ password, mfa }: Pick<PolicyInForce, 'password' | 'mfa'>): number {
  const isNeverAlone = mfa.enforcement === 'required' && mfa.graceDays === 0;
  return password.minimumLength ?? (isNeverAlone ? LEAST_CODE_POINTS_WITH_SECOND_FACTOR : LEAST_CODE_POINTS);
}

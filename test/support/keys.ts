import { DAY, HOUR, SECOND } from '#kernel/clock.ts';
import type { KeyPolicy } from '#oidc/keys/module.ts';
import { policiesWith } from './policies.ts';

export const testKeyPolicy: KeyPolicy = {
  rsaBits: 2048,
  publishBeforeUse: DAY,
  rotateEvery: 90 * DAY,
  longestTokenLife: 10 * HOUR,
};

/** Settings that say the same. */
export const testKeyPolicies = policiesWith({
  session: { absoluteSeconds: (10 * HOUR) / SECOND, rememberSeconds: (10 * HOUR) / SECOND },
});

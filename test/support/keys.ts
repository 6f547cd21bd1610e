import { DAY, HOUR } from '#kernel/clock.ts';
import type { KeyPolicy } from '#keys/module.ts';

export const testKeyPolicy: KeyPolicy = {
  rsaBits: 2048,
  publishBeforeUse: DAY,
  rotateEvery: 90 * DAY,
  longestTokenLife: 10 * HOUR,
};

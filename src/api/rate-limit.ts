import { SECOND } from '#kernel/clock.ts';
import type { Allowance, ThrottlePolicy } from '#kernel/throttle.ts';

/** Takes headers of the answer. */
export type Tell = (fields: Readonly<Record<string, string>>) => void;

/** The fields that say how much is left of a limit (draft-ietf-httpapi-ratelimit-headers): `"api-calls";r=587;t=42`. */
export const rateLimitFields = (
  { name, points, duration }: Pick<ThrottlePolicy, 'name' | 'points' | 'duration'>,
  { remaining, resetAfter }: Pick<Allowance, 'remaining' | 'resetAfter'>,
): { RateLimit: string; 'RateLimit-Policy': string } => ({
  'RateLimit-Policy': `"${name}";q=${points};w=${duration / SECOND}`,
  RateLimit: `"${name}";r=${remaining};t=${resetAfter}`,
});

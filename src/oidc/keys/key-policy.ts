import { instance, LONGEST_JWT_SECONDS, type Policies } from '#settings/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import type { RsaBits } from './key-material.ts';

/** Durations in milliseconds. */
export type KeyPolicy = {
  rsaBits: RsaBits;
  /** How long a key is published before it signs, so that relying parties that cache the JWKS know it by then. */
  publishBeforeUse: number;
  rotateEvery: number;
  /** The longest time in which a client verifies a token by these keys. */
  longestTokenLife: number;
};

/**
 * The key policy from the settings. An ID token is useful beyond its expiry: OpenID Connect RP-Initiated Logout §2 takes it as a hint
 * for as long as the session lasts, so keys stay as long as a session may.
 */
export function keyPolicy(policies: Policies<'oidc' | 'session'>): KeyPolicy {
  const { oidc, session } = policies.for(instance);
  const lives = [
    LONGEST_JWT_SECONDS,
    oidc.idTokenSeconds,
    oidc.accessTokenSeconds,
    session.absoluteSeconds,
    session.rememberSeconds,
  ];
  return {
    rsaBits: oidc.keyRsaBits,
    publishBeforeUse: oidc.keyPublicationSeconds * SECOND,
    rotateEvery: oidc.keyRotationDays * DAY,
    longestTokenLife: Math.max(...lives) * SECOND,
  };
}

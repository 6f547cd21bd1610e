import { instance, LONGEST_JWT_SECONDS, type Policies } from '#settings/module.ts';
import { DAY, SECOND } from '#kernel/clock.ts';
import type { RsaBits } from './key-material.ts';
import { KEY_SET_LIFE, SHORTEST_PUBLICATION } from './lifetimes.ts';

/** Durations in milliseconds. */
export type KeyPolicy = {
  rsaBits: RsaBits;
  /** How long a key is published before it signs, so that relying parties that cache the JWKS know it by then; 0 for at once. */
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
    publishBeforeUse: signsAtOnce(oidc) ? 0 : Math.max(oidc.keyPublicationSeconds * SECOND, SHORTEST_PUBLICATION),
    rotateEvery: oidc.keyRotationDays * DAY,
    longestTokenLife: Math.max(...lives) * SECOND,
  };
}

/** For tests of rotation by a certification suite, which does not wait; a cached key set would not have the key. */
const signsAtOnce = ({ keyPublicationSeconds }: { keyPublicationSeconds: number }): boolean =>
  keyPublicationSeconds === 0;

/** The header Cache-Control of the key set (RFC 9111 §5.2.2): for some minutes, or to be asked about each time where keys sign at once. */
export function keySetCaching(policies: Policies<'oidc'>): string {
  return signsAtOnce(policies.for(instance).oidc) ? 'public, no-cache' : `public, max-age=${KEY_SET_LIFE / SECOND}`;
}

import { describe, expect, test } from 'vitest';
import { DAY, HOUR, SECOND } from '#kernel/clock.ts';
import { keyPolicy } from '#oidc/keys/key-policy.ts';
import { sections } from '#settings/module.ts';

const settings = (oidc: object = {}, session: object = {}) => ({
  oidc: sections.oidc.parse(oidc),
  session: sections.session.parse(session),
});

describe('the key policy follows the settings', () => {
  test('by default RSA keys have 2048 bits, are published a day before use and rotate every 90 days', () => {
    expect(keyPolicy({ for: () => settings() })).toMatchObject({
      rsaBits: 2048,
      publishBeforeUse: DAY,
      rotateEvery: 90 * DAY,
    });
    expect(
      keyPolicy({ for: () => settings({ keyRsaBits: 4096, keyPublicationSeconds: 0, keyRotationDays: 7 }) }),
    ).toMatchObject({
      rsaBits: 4096,
      publishBeforeUse: 0,
      rotateEvery: 7 * DAY,
    });
  });

  test.each([
    [{ idTokenSeconds: 86_400 }, {}],
    [{ accessTokenSeconds: 86_400 }, {}],
    [{}, { rememberSeconds: 90 * 86_400 }],
    [{}, { absoluteSeconds: 90 * 86_400 }],
    [
      { idTokenSeconds: 60, accessTokenSeconds: 60 },
      { idleSeconds: 60, absoluteSeconds: 60, rememberSeconds: 60 },
    ],
  ])('keys outlive every token and every session that may still present an ID token: %j %j', (oidc, session) => {
    const given = settings(oidc, session);
    const { longestTokenLife } = keyPolicy({ for: () => given });
    const lives = [
      given.oidc.idTokenSeconds,
      given.oidc.accessTokenSeconds,
      given.session.absoluteSeconds,
      given.session.rememberSeconds,
    ].map((seconds) => seconds * SECOND);
    for (const life of [...lives, HOUR]) expect(longestTokenLife).toBeGreaterThanOrEqual(life);
  });

  test.each([1024, 2047, 8192])('RSA keys of %i bits are refused', (keyRsaBits) => {
    expect(sections.oidc.safeParse({ keyRsaBits }).success).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import { profileSchema } from '#directory/users/module.ts';

describe('profile claims (OpenID Connect Core §5.1)', () => {
  test.each([
    [{ name: 'Ada Lovelace', birthdate: '1815-12-10', zoneinfo: 'Europe/London', locale: 'en-GB' }],
    [{ birthdate: '0000-12-10' }],
    [{ birthdate: '1815' }],
    [{ birthdate: new Date().toISOString().slice(0, 10) }],
    [{ birthdate: String(new Date().getUTCFullYear()) }],
    [{ website: 'https://ada.example/', address: { country: 'UK', formatted: '12 St James Square\nLondon' } }],
  ])('%j is accepted', (profile) => expect(profileSchema.parse(profile)).toEqual(profile));

  test.each([
    [{ website: 'javascript:alert(1)' }, 'website'],
    [{ picture: 'data:text/html,x' }, 'picture'],
    [{ birthdate: '10.12.1815' }, 'birthdate'],
    [{ birthdate: '2999-01-01' }, 'birthdate'],
    [{ birthdate: '2999' }, 'birthdate'],
    [{ birthdate: new Date(Date.now() + 2 * 24 * 3_600_000).toISOString().slice(0, 10) }, 'birthdate'],
    [{ zoneinfo: 'Mars/Olympus' }, 'zoneinfo'],
    [{ locale: 'not a tag' }, 'locale'],
    [{ name: 'x'.repeat(129) }, 'name'],
    [{ email_verified: true }, ''],
    [{ roles: ['administrator'] }, ''],
    [{ address: { planet: 'Earth' } }, 'address'],
  ])('%j is refused', (profile, member) => {
    const parsed = profileSchema.safeParse(profile);
    expect(parsed.error?.issues[0]?.path[0] ?? '').toBe(member);
    expect(parsed.success).toBe(false);
  });

  test('characters that hide or reorder text are removed from names', () => {
    expect(profileSchema.parse({ name: 'Ada\u202E\u200B\u0007 L' }).name).toBe('Ada L');
  });
});

import { expect, test } from 'vitest';
import { inWords } from '#kernel/operations/schema-words.ts';
import { sections, type Section } from '#settings/policies.ts';
import { sentenceOf } from '#settings/settings-service.ts';

test.each<[string, unknown, string]>([
  ['password.minimumLength', 4, 'password.minimumLength must be a whole number from 8 to 64, such as 8.'],
  ['password.minimumLength', 'soon', 'password.minimumLength must be a whole number from 8 to 64, such as 8.'],
  ['password.history', 2.5, 'password.history must be a whole number from 0 to 24, such as 1.'],
  ['password.breachCheck', 'yes', 'password.breachCheck must be true or false.'],
  ['password.breachUrl', 'ftp://x', 'password.breachUrl has the wrong form.'],
  ['password.breachUrl', 7, 'password.breachUrl must be an address, such as "https://api.pwnedpasswords.com/range/".'],
  ['password.blockedWords', 'acme', 'password.blockedWords must be a list of at most 500 entries.'],
  ['branding.helpUrl', 7, 'branding.helpUrl must be an address, such as "https://example.com".'],
  ['password.blockedWords', ['ab'], 'password.blockedWords.0 must have at least 3 characters.'],
  ['mfa.enforcement', 'on', 'mfa.enforcement must be one of off, optional, required, administrators.'],
  ['mfa.factors', ['pigeon'], 'mfa.factors.0 must be one of passkey, totp.'],
  ['oidc.keyRsaBits', 1024, 'oidc.keyRsaBits must be one of 2048, 3072, 4096.'],
  ['branding.name', '', 'branding.name must be text of 1 to 64 characters, such as "Latchkey".'],
  ['passkeys.rpId', 'a b', 'passkeys.rpId must be a host name such as example.com.'],
  [
    'signIn.methods',
    [],
    'signIn.methods must be a list of at least 1 entry, such as ["password","passkey","emailLink","emailCode","federation"].',
  ],
  ['signIn.methods', ['passkey', 'passkey'], 'signIn.methods must name each once.'],
  ['profile.properties', [{ nme: 'team' }], 'profile.properties.0.name must be given.'],
  ['oidc.unknown', 1, 'There is no setting oidc.unknown. settings list shows them all.'],
])('%s = %j is refused in words', (name, value, sentence) => {
  const [section, member] = name.split('.') as [Section, string];
  const parsed = sections[section].safeParse({ [member]: value }, { error: inWords });
  expect(parsed.error?.issues.map((issue) => sentenceOf(section, issue))[0]).toBe(sentence);
});

test('every setting says what it takes, without a word of zod', () => {
  for (const [section, schema] of Object.entries(sections))
    for (const member of Object.keys(schema.shape)) {
      const { error } = schema.safeParse({ [member]: Symbol('none') }, { error: inWords });
      const sentences = error!.issues.map((issue) => sentenceOf(section as Section, issue));
      for (const sentence of sentences) {
        expect(sentence).toMatch(new RegExp(`^${section}\\.${member} .+\\.$`));
        expect(sentence).not.toMatch(/Invalid|expected|another kind|is not valid|undefined/);
      }
    }
});

import { describe, expect, test } from 'vitest';
import { assertPasswordAllowed } from '../../src/credentials/password-rules.ts';

const policy = { minimumLength: 15, about: ['Latchkey', 'ada', 'lovelace', 'example', 'com'] };

describe('which passwords may be set (NIST SP 800-63B-4)', () => {
  test.each([
    ['fifteen characters', 'sunflower river'],
    ['spaces alone between words', 'four words with spaces'],
    ['emoji', '🦊🐢🦜🐙🦔🐝🦋🐌🐞🦂🐡🐠🐬🐳🦈'],
    ['256 characters', 'abcdefgh'.repeat(32)],
    ['letters only', 'thequickbrownfoxjumps'],
    ['one that takes long to estimate', 'a1'.repeat(20) + 'Zq!7'.repeat(40)],
  ])('%s', (_what, password) => expect(assertPasswordAllowed(password, policy)).resolves.toBeUndefined());

  test.each([
    ['fourteen characters', 'sunflower rive', 'credentials.password_too_short'],
    ['fifteen code units of fewer characters', '🦊🐢🦜🐙🦔🐝🦋', 'credentials.password_too_short'],
    ['257 characters', 'abcdefgh'.repeat(32) + 'x', 'credentials.password_too_long'],
    ['more than 1,024 bytes', '𝔞'.repeat(255) + '𝔟𝔠', 'credentials.password_too_long'],
    ['one that everybody tries', 'passwordpassword', 'credentials.password_common'],
    ['the same in capitals', 'PasswordPassword', 'credentials.password_common'],
    ['a common word and a number', 'password1234567', 'credentials.password_common'],
    ['a shorter walk over the keyboard', 'qwertyuiopasdfg', 'credentials.password_common'],
    ['the product and a year', 'latchkey2026!!!', 'credentials.password_common'],
    ['the own address', 'ada.lovelace@example.com', 'credentials.password_common'],
    ['a walk over the keyboard', 'qwertyuiopasdfghjkl', 'credentials.password_common'],
    ['numbers in a row', '123456789012345678', 'credentials.password_common'],
    ['a common password twice', 'sunshine1sunshine1', 'credentials.password_common'],
    ['one letter again and again', 'aaaaaaaaaaaaaaaaaa', 'credentials.password_common'],
    ['a short pattern again and again', 'abcabcabcabcabcabc', 'credentials.password_common'],
    ['the name of the product and a number', 'Latchkey-Latchkey-1', 'credentials.password_common'],
    ['the own name and a number', 'lovelacelovelace123', 'credentials.password_common'],
  ])('not %s', (_what, password, code) =>
    expect(assertPasswordAllowed(password, policy)).rejects.toMatchObject({ code }),
  );
});

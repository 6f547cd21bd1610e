import { describe, expect, test } from 'vitest';
import { weaknessOf } from '../../../src/credentials/passwords/password-strength.ts';

const policy = { minimumLength: 15, minimumScore: 2, about: ['Latchkey', 'ada', 'lovelace', 'example', 'com'] };

describe('accepted passwords (NIST SP 800-63B-4)', () => {
  test.each([
    ['fifteen characters', 'sunflower river'],
    ['spaces alone between words', 'four words with spaces'],
    ['emoji', '🦊🐢🦜🐙🦔🐝🦋🐌🐞🦂🐡🐠🐬🐳🦈'],
    ['256 characters', 'abcdefgh'.repeat(32)],
    ['letters only', 'thequickbrownfoxjumps'],
    ['one that takes long to estimate', 'a1'.repeat(20) + 'Zq!7'.repeat(40)],
  ])('%s', (_what, password) => expect(weaknessOf(password, policy)).resolves.toBeNull());

  test.each([
    ['fourteen characters', 'sunflower rive', 'too_short'],
    ['fifteen code units of fewer characters', '🦊🐢🦜🐙🦔🐝🦋', 'too_short'],
    ['257 characters', 'abcdefgh'.repeat(32) + 'x', 'too_long'],
    ['more than 1,024 bytes', '𝔞'.repeat(255) + '𝔟𝔠', 'too_long'],
    ['one that everybody tries', 'passwordpassword', 'common'],
    ['the same in capitals', 'PasswordPassword', 'common'],
    ['a common word and a number', 'password1234567', 'common'],
    ['a shorter walk over the keyboard', 'qwertyuiopasdfg', 'common'],
    ['the product and a year', 'latchkey2026!!!', 'common'],
    ['the own address', 'ada.lovelace@example.com', 'common'],
    ['a walk over the keyboard', 'qwertyuiopasdfghjkl', 'common'],
    ['numbers in a row', '123456789012345678', 'common'],
    ['a common password twice', 'sunshine1sunshine1', 'common'],
    ['one letter again and again', 'aaaaaaaaaaaaaaaaaa', 'common'],
    ['a short pattern again and again', 'abcabcabcabcabcabc', 'common'],
    ['the name of the product and a number', 'Latchkey-Latchkey-1', 'common'],
    ['the own name and a number', 'lovelacelovelace123', 'common'],
  ])('not %s', (_what, password, kind) => expect(weaknessOf(password, policy)).resolves.toMatchObject({ kind }));

  test('a refusal gives the weakness and advice', async () => {
    expect(await weaknessOf('aaaaaaaaaaaaaaaaaa', policy)).toEqual({
      kind: 'common',
      score: 0,
      advice: ['simpleRepeat', 'repeated', 'anotherWord'],
    });
    expect(await weaknessOf('lovelacelovelace123', policy)).toMatchObject({ advice: ['userInputs'] });
  });

  test('follow the strictness of the policy', async () => {
    const fair = 'house water 2019';
    expect(await weaknessOf(fair, { ...policy, minimumScore: 0 })).toBeNull();
    expect(await weaknessOf('passwordpassword', { ...policy, minimumScore: 0, about: [] })).toBeNull();
    expect(await weaknessOf('sunflower river', { ...policy, minimumScore: 4 })).toMatchObject({ kind: 'common' });
  });
});

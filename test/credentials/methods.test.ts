import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { beginsWith, codeFactors, factorOfKey, firstFactors, methods, sentFirstFactors } from '#credentials/module.ts';
import { sections } from '#settings/module.ts';

const rows = Object.values(methods);
const told = (values: readonly (string | null)[]) => [...new Set(values.filter((value) => value !== null))].sort();

describe('the table of authentication methods', () => {
  test('maps every value of the settings to one first factor', () => {
    const { signIn, registration, mfa } = sections;
    const opened = firstFactors.flatMap((factor) => [...methods[factor].first.settings]);
    expect(opened.toSorted()).toEqual([...signIn.shape.methods.unwrap().element.options].sort());
    expect(new Set(opened).size).toBe(opened.length);
    expect(told(rows.map((row) => row.registration))).toEqual(
      [...registration.shape.methods.unwrap().element.options].sort(),
    );
    expect(told(rows.map((row) => row.enrolment))).toEqual([...mfa.shape.factors.unwrap().element.options].sort());
  });

  test('has a text and an icon for each page', () => {
    const texts = (file: string) =>
      JSON.parse(readFileSync(new URL(`../../views/locales/en/${file}.json`, import.meta.url), 'utf8')) as object;
    const icons = readFileSync(new URL('../../views/_icons.njk', import.meta.url), 'utf8');
    for (const { first, second, registration, icon } of rows) {
      if (first !== null && first.page !== methods.password.first.page)
        expect(texts('way')).toHaveProperty([`way.${first.page}`]);
      if (second !== null) expect(texts('mfa')).toHaveProperty([`mfa.${second.page}.name`]);
      if (registration !== null)
        expect(texts('registration')).toHaveProperty([`registration.create.button.${registration}`]);
      expect(icons).toMatch(new RegExp(`\\b'?${icon}'?: `));
    }
  });

  test('says which codes users type, and which are sent first', () => {
    expect(codeFactors).toEqual(['totp', 'sms', 'email', 'recovery-code']);
    expect(sentFirstFactors).toEqual(['sms', 'email']);
  });

  test.each([
    ['email', ['emailLink'], true],
    ['email', ['emailCode'], true],
    ['email', ['password', 'smsCode'], false],
    ['passkey', ['passkey'], true],
    ['password', [], false],
  ] as const)('a sign-in begins with %s if %j are enabled: %s', (factor, opened, isOpen) => {
    expect(beginsWith(factor, opened)).toBe(isOpen);
  });

  test('a key gives two factors only when it verified its user', () => {
    expect(methods[factorOfKey(true)].isTwo).toBe(true);
    expect(methods[factorOfKey(false)].isTwo).toBe(false);
  });
});

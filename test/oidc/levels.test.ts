import { describe, expect, test } from 'vitest';
import { acrOf, askedLevel, isUnreachable, levelOf, requestedAcr, saidAcr } from '../../src/oidc/levels.ts';

const [one, two, three] = ([1, 2, 3] as const).map(acrOf) as [string, string, string];
const claims = (acr: unknown) => JSON.stringify({ id_token: { acr } });

describe('the requested level', () => {
  test.each<[string, Record<string, unknown>, ReturnType<typeof askedLevel>]>([
    ['nothing', {}, null],
    ['acr_values', { acr_values: two }, { level: 2, essential: false }],
    ['the least of several', { acr_values: `${three} ${two}` }, { level: 2, essential: false }],
    ['what is ours among foreign ones', { acr_values: `urn:gold ${three}` }, { level: 3, essential: false }],
    ['foreign ones alone', { acr_values: 'urn:gold' }, null],
    ['an essential value', { claims: claims({ essential: true, value: three }) }, { level: 3, essential: true }],
    ['essential values', { claims: claims({ essential: true, values: [two, three] }) }, { level: 2, essential: true }],
    ['a voluntary claim', { claims: claims({ value: two }) }, { level: 2, essential: false }],
    ['a claim that is only to be told', { claims: claims(null) }, null],
    [
      'an essential claim beside acr_values: these cannot soften it',
      { claims: claims({ essential: true, value: three }), acr_values: one },
      { level: 3, essential: true },
    ],
    [
      'a voluntary claim beside acr_values: either will do',
      { claims: claims({ value: three }), acr_values: two },
      { level: 2, essential: false },
    ],
    ['no claims of the ID token', { claims: '{"userinfo":{"email":null}}' }, null],
    ['an ID token without claims', { claims: '{"id_token":null}' }, null],
  ])('%s', (_title, params, asked) => {
    expect(askedLevel(requestedAcr(params))).toEqual(asked);
  });

  test('an unknown essential level can never be reached', () => {
    expect(isUnreachable({ essential: true, value: 'urn:gold' })).toBe(true);
    expect(isUnreachable({ essential: true, values: ['urn:gold', one] })).toBe(false);
    expect(isUnreachable({ essential: true })).toBe(false);
    expect(isUnreachable({ value: 'urn:gold' })).toBe(false);
  });
});

describe('the level of a session', () => {
  test.each<[string, Parameters<typeof saidAcr>[0], string | undefined, string | undefined]>([
    ['its level when nothing is asked', {}, two, two],
    ['the level asked for, when it has a higher one', { value: one }, three, one],
    ['the highest of those asked for that it has', { values: [one, two, three] }, two, two],
    ['its own level when more is asked', { value: three }, one, one],
    ['its own level when something foreign is asked', { value: 'urn:gold' }, two, two],
    ['nothing of no session', { value: one }, undefined, undefined],
  ])('%s', (_title, request, session, said) => {
    expect(saidAcr(request, session)).toBe(said);
  });

  test('only our names are levels', () => {
    expect([one, two, three].map(levelOf)).toEqual([1, 2, 3]);
    for (const other of ['urn:latchkey:acr:4', 'urn:latchkey:acr:', '1', 1, null, undefined])
      expect(levelOf(other)).toBeNull();
  });
});

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Property, sections } from '#settings/module.ts';
import {
  claimField,
  claimsOf,
  detailsOf,
  fieldShape,
  labelIn,
  lacking,
  propertyField,
} from '#directory/users/module.ts';

const propertiesOf = (given: readonly object[]): Property[] => sections.profile.parse({ properties: given }).properties;
const [team, size, news, start, plan, page, secret] = propertiesOf([
  {
    name: 'team',
    type: 'text',
    label: { en: 'Team', de: 'Abteilung' },
    required: true,
    maxLength: 10,
    visibility: 'claims',
  },
  { name: 'shoe_size', type: 'number', label: 'Size' },
  { name: 'news', type: 'boolean', label: 'News', required: true },
  { name: 'start', type: 'date', label: 'Start' },
  {
    name: 'plan',
    type: 'choice',
    label: 'Plan',
    choices: [
      { value: 'a', label: 'A' },
      { value: 'b', label: 'B' },
    ],
  },
  { name: 'page', type: 'url', label: 'Page' },
  { name: 'score', type: 'number', label: 'Score', visibility: 'operator', editable: 'operator' },
]) as [Property, Property, Property, Property, Property, Property, Property];
const fields = [claimField('name'), ...[team, size, news, start, plan, page].map(propertyField)];

function read(typed: Record<string, string>) {
  const parsed = z.object(fieldShape(fields)).safeParse(typed);
  if (parsed.success) return detailsOf(fields, parsed.data);
  return Object.fromEntries(parsed.error.issues.map(({ path, message }) => [String(path[0]), message]));
}

const whole = { name: 'Ada', property_team: 'Looms' };

describe('a profile form', () => {
  test('returns claims and properties by their types, without empty fields', () => {
    expect(
      read({
        name: ' Ada\u202E ',
        property_team: 'Looms',
        property_shoe_size: '38,5',
        property_news: '1',
        property_start: '2026-02-28',
        property_plan: 'b',
        property_page: '',
      }),
    ).toEqual({
      profile: { name: 'Ada' },
      properties: { team: 'Looms', shoe_size: 38.5, news: true, start: '2026-02-28', plan: 'b' },
    });
  });

  test('treats an unchecked box as an answer', () => {
    expect(read(whole)).toEqual({ profile: { name: 'Ada' }, properties: { team: 'Looms', news: false } });
  });

  test.each([
    ['name', '', 'required'],
    ['name', '\u200B', 'required'],
    ['name', 'x'.repeat(129), 'too_long'],
    ['property_team', '', 'required'],
    ['property_team', 'x'.repeat(11), 'too_long'],
    ['property_shoe_size', 'large', 'number'],
    ['property_shoe_size', '1e999', 'number'],
    ['property_start', '2026-02-30', 'date'],
    ['property_plan', 'c', 'choice'],
    ['property_page', 'javascript:alert(1)', 'url'],
    ['property_page', 'http://', 'url'],
  ])('reports for %s with %j: %s', (field, typed, kind) => {
    expect(read({ ...whole, [field]: typed })).toEqual({ [field]: kind });
  });
});

describe('a user', () => {
  test('lacks unanswered properties, and nothing by the name of an object member', () => {
    expect(lacking(fields, { profile: { name: 'Ada' }, properties: { team: 'Looms', news: false } })).toEqual(
      [size, start, plan, page].map(propertyField),
    );
  });

  test('has the claims that the current schema shows', () => {
    const person = {
      username: null,
      email: 'a@x.example',
      emailVerified: true,
      phoneNumber: null,
      phoneNumberVerified: false,
      profile: { name: 'Ada' },
      properties: { team: 'Looms', score: 3, gone: 1 },
      updatedAt: new Date(0),
    };
    expect(claimsOf(person, [team, secret])).toMatchObject({ name: 'Ada', team: 'Looms' });
    expect(Object.keys(claimsOf(person, [team, secret]))).not.toContain('score');
    expect(Object.keys(claimsOf(person, [team, secret]))).not.toContain('gone');
  });
});

test('a label is in the language of the page, or in English', () => {
  expect([labelIn(team.label, 'de'), labelIn(team.label, 'ja'), labelIn('Plain', 'de')]).toEqual([
    'Abteilung',
    'Team',
    'Plain',
  ]);
});

describe('a schema of properties', () => {
  const text = { name: 'team', type: 'text', label: 'Team' };
  test.each([
    ['the name of a registered claim', { ...text, name: 'email_verified' }],
    ['the name of a claim about the token', { ...text, name: 'sub' }],
    ['a name that is no name', { ...text, name: 'Team-1' }],
    ['a name of every object', { ...text, name: 'constructor' }],
    ['a choice without choices', { ...text, type: 'choice' }],
    ['choices that are no choice', { ...text, choices: [{ value: 'a', label: 'A' }] }],
    ['something hidden that people shall fill in', { ...text, visibility: 'operator' }],
    [
      'a question at registration that only an operator may answer',
      { ...text, editable: 'operator', registration: true },
    ],
    ['a label without English', { ...text, label: { de: 'Abteilung' } }],
  ])('is refused with %s', (_what, property) => {
    expect(sections.profile.safeParse({ properties: [property] }).success).toBe(false);
  });

  test('is refused with a duplicate name', () => {
    expect(sections.profile.safeParse({ properties: [text, text] }).success).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import { newId } from '#kernel/ids.ts';
import { Admission } from '../../../src/sign-in/registration/admission.ts';
import { policiesWith } from '../../support/policies.ts';

const held = { email: 'ada@x.example', organization: null };

function admission(
  registration: Record<string, unknown> = {},
  profile: Record<string, unknown> = {},
  relyingParty: object | null = {},
  signIn: Record<string, unknown> = {},
): Admission {
  const invitations = { find: async (link: string) => (link === 'good' ? held : null) };
  return new Admission({
    policies: policiesWith({ registration, profile, signIn }),
    invitations,
    passkeys: { relyingParty },
  });
}

describe('registration modes', () => {
  const form = (invitation: object | null, domains: readonly string[] | null = null) => ({
    kind: 'form',
    invitation,
    domains,
  });
  const invited = form({ ...held, link: 'good' });
  test.each([
    ['open', undefined, form(null), true],
    ['open', 'good', invited, true],
    ['domains', undefined, form(null, ['x.example']), true],
    ['domains', 'good', invited, true],
    ['waitlist', undefined, { kind: 'waitlist' }, true],
    ['waitlist', 'spent', { kind: 'waitlist' }, true],
    ['waitlist', 'good', invited, true],
    ['invitation', undefined, { kind: 'invitation' }, false],
    ['invitation', 'spent', { kind: 'invitation' }, true],
    ['invitation', 'good', invited, true],
    ['closed', undefined, { kind: 'closed' }, false],
    ['closed', 'good', { kind: 'closed' }, false],
  ])('mode %s with the invitation %s', async (mode, link, decided, isOffered) => {
    const door = admission({ mode, domains: ['x.example'] });
    expect(await door.decide(link)).toEqual(decided);
    expect(door.isOffered(link)).toBe(isOffered);
  });
});

test('the chosen credential can sign in later', () => {
  expect(admission().methods()).toEqual(['password', 'passkey']);
  expect(admission({}, {}, null).methods()).toEqual(['password']);
  expect(admission({ methods: ['passkey', 'email_code'] }, {}, null).methods()).toEqual(['email_code']);
  expect(admission({ methods: ['passkey'] }, {}, null).methods()).toEqual(['password']);
  const byMail = { methods: ['emailLink'] };
  expect(admission({}, {}, {}, byMail).methods()).toEqual(['email_code']);
  expect(admission({ methods: ['email_code', 'password'] }, {}, {}, byMail).methods()).toEqual(['email_code']);
  expect(admission({ methods: ['email_code'] }, {}, {}, { methods: ['password'] }).methods()).toEqual(['password']);
});

test('a form shows the fields for new users and for all users, once, and never operator-only properties', () => {
  const door = admission(
    { fields: ['name', 'birthdate'] },
    {
      required: ['birthdate', 'website'],
      properties: [
        { name: 'a', type: 'text', label: 'A', required: true },
        { name: 'b', type: 'text', label: 'B', registration: true },
        { name: 'c', type: 'text', label: 'C' },
        { name: 'd', type: 'text', label: 'D', required: true, visibility: 'operator', editable: 'operator' },
      ],
    },
  );
  expect(door.fields().map(({ field }) => field)).toEqual(['name', 'birthdate', 'website', 'property_a', 'property_b']);
  expect(door.requiredOf(newId('usr')).map(({ field }) => field)).toEqual(['birthdate', 'website', 'property_a']);
});

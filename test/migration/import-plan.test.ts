import { describe, expect, test } from 'vitest';
import { planImport } from '#migration/import-plan.ts';
import type { ImportedUser } from '#migration/import-record.ts';
import { newId } from '#kernel/ids.ts';
import type { BulkUser } from '#directory/users/module.ts';
import { readRecord } from '../support/import-records.ts';

const now = new Date('2026-03-01T12:00:00.000Z');
const id = newId('usr');

function imported(given: Record<string, unknown>): ImportedUser {
  const read = readRecord({ email: 'ada@example.com', ...given });
  if (read.kind === 'refused') throw new Error(read.reason);
  return read.user;
}

const ada: BulkUser = {
  id,
  status: 'active',
  email: 'Ada@example.com',
  emailCanonical: 'ada@example.com',
  emailVerified: true,
  username: null,
  usernameSkeleton: null,
  legacyId: null,
  phoneNumber: '+12025550123',
  phoneNumberVerified: true,
  profile: { name: 'Ada' },
  properties: { plan: 'gold' },
  passwordUpdateRequired: false,
  createdAt: '2020-01-01T00:00:00.000Z',
};
const unproven = { ...ada, emailVerified: false };
const contact = (value: string, userId = id) => ({ userId, kind: 'email' as const, value, canonical: value });
const google = { connection: 'google', issuer: 'https://accounts.google.com', subject: '12' };

const plan = (
  given: Record<string, unknown>,
  {
    people = [ada],
    identities = [] as { userId: typeof id }[],
    contacts = [] as { userId: typeof id; kind: 'email' | 'phone'; value: string; canonical: string }[],
    update = false,
  } = {},
) =>
  planImport(
    [{ line: 1, user: imported(given) }],
    { people, contacts, identities: identities as never },
    { update, now },
  )[0]!;

describe('the result of a line', () => {
  test.each([
    ['nobody has the address', { email: 'eve@example.com' }, {}, 'create'],
    ['the line says nothing new', { email: 'Ada@example.com', name: 'Ada' }, {}, 'unchanged'],
    ['the line is written otherwise', { email: 'ADA@EXAMPLE.com' }, {}, 'exists'],
    ['a name differs', { email: 'Ada@example.com', name: 'Ada L.' }, {}, 'exists'],
    ['a name differs and may', { email: 'Ada@example.com', name: 'Ada L.' }, { update: true }, 'update'],
    ['a property is new', { email: 'Ada@example.com', properties: { shoe: 41 } }, {}, 'exists'],
    ['an identity is new', { email: 'Ada@example.com', identities: [google] }, {}, 'exists'],
    [
      'an identity is there',
      { email: 'Ada@example.com', identities: [google] },
      { identities: [{ ...google, userId: id }] },
      'unchanged',
    ],
    [
      'an identity belongs to another user',
      { email: 'Ada@example.com', identities: [google] },
      { identities: [{ ...google, userId: newId('usr') }] },
      'refused',
    ],
    [
      'an identity belongs to another user and the address is free',
      { email: 'eve@example.com', identities: [google] },
      { identities: [{ ...google, userId: id }], update: true },
      'refused',
    ],
    [
      'a user has it as an additional address',
      { email: 'eve@example.com' },
      { contacts: [contact('eve@example.com', newId('usr'))] },
      'refused',
    ],
    ['a further address is new', { email: 'Ada@example.com', further_emails: ['Second@example.com'] }, {}, 'exists'],
    [
      'a further address is there, and so is the first one said again',
      { email: 'Ada@example.com', further_emails: ['second@example.com', 'ada@example.com'] },
      { contacts: [contact('second@example.com')] },
      'unchanged',
    ],
    [
      'a further address is another person’s',
      { email: 'Ada@example.com', further_emails: ['second@example.com'] },
      { contacts: [contact('second@example.com', newId('usr'))], update: true },
      'refused',
    ],
    [
      'a further address is the first of another person',
      { email: 'eve@example.com', further_emails: ['ada@example.com'] },
      {},
      'refused',
    ],
    [
      'the address was never proven here, and the line vouches for it',
      { email: 'Ada@example.com', email_verified: true },
      { people: [unproven], update: true },
      'refused',
    ],
    [
      'the address was never proven here, and the line links it',
      { email: 'Ada@example.com', identities: [google] },
      { people: [unproven], update: true },
      'refused',
    ],
    [
      'the address was never proven here, and the line has another',
      { email: 'Ada@example.com', further_emails: ['b@example.com'] },
      { people: [unproven], update: true },
      'refused',
    ],
    [
      'the address was never proven here, and a name differs',
      { email: 'Ada@example.com', name: 'Ada L.' },
      { people: [unproven], update: true },
      'update',
    ],
    ['another person has the id', { email: 'eve@example.com', id }, {}, 'refused'],
    ['the id is of here and free', { email: 'eve@example.com', id: newId('usr') }, {}, 'create'],
    ['the address has another id', { email: 'Ada@example.com', id: newId('usr') }, {}, 'unchanged'],
  ])('%s', (_what, given, known, kind) => {
    expect(plan(given, known).kind).toBe(kind);
  });

  test('values in the line replace stored ones, missing values stay', () => {
    const step = plan(
      {
        email: 'Ada@example.com',
        given_name: 'Ada',
        phone_number: '+442071234567',
        properties: { shoe: 41 },
        status: 'disabled',
      },
      { update: true },
    );
    expect(step.kind === 'update' && step.next).toEqual({
      ...ada,
      status: 'disabled',
      phoneNumber: '+442071234567',
      // Nobody proved the new one.
      phoneNumberVerified: false,
      profile: { name: 'Ada', given_name: 'Ada' },
      properties: { plan: 'gold', shoe: 41 },
    });
  });

  test('a user created from a line has its id, its status and its creation time', () => {
    const made = newId('usr');
    const step = plan({
      email: 'eve@example.com',
      id: made,
      status: 'disabled',
      created_at: '2019-05-05T10:00:00+02:00',
    });
    expect(step.kind === 'create' && step.next).toMatchObject({
      id: made,
      status: 'disabled',
      createdAt: '2019-05-05T08:00:00.000Z',
      emailVerified: false,
    });
  });

  test('the connection of an identity may be called provider', () => {
    expect(imported({ identities: [{ provider: 'google', subject: '12' }] }).identities).toEqual([
      { connection: 'google', issuer: '', subject: '12' },
    ]);
  });

  test('a user, or an identity, that occurs twice is imported once', () => {
    const lines = [
      { line: 1, user: imported({ email: 'eve@example.com', identities: [google] }) },
      { line: 2, user: imported({ email: 'EVE@example.com' }) },
      { line: 3, user: imported({ email: 'bob@example.com', identities: [google] }) },
    ];
    const steps = planImport(lines, { people: [], contacts: [], identities: [] }, { update: false, now });
    expect(steps.map((step) => (step.kind === 'refused' ? step.reason : step.kind))).toEqual([
      'create',
      'email: the same person stands in line 1',
      'identities: 12 of google is another person',
    ]);
  });
});

describe('invalid values in a line', () => {
  test.each([
    ['no address', { email: 'ada' }, /^email: must be an address/],
    ['that the user is an administrator', { administrator: true }, /administrators are not imported/],
    ['what nobody knows', { shoe_size: 41 }, /shoe_size/],
    ['a password and a hash', { password: 'x', password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=' }, /not both/],
    [
      'a hash that takes the service down',
      { password_hash: '$2b$31$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq' },
      /cost/,
    ],
    ['a password as a hash', { password_hash: 'x', password_hash_format: 'plain' }, /given as password/],
    ['an id of another system', { id: '42' }, /^id: must be one of Latchkey/],
  ])('%s', (_what, given, why) => {
    const read = readRecord({ email: 'ada@example.com', ...given });
    expect(read.kind === 'refused' && read.reason).toMatch(why);
  });

  /** The values that are taken instead, under the names of ImportedUser; undefined where the member is left out. */
  test.each<[string, Record<string, unknown>, Record<string, unknown>, RegExp | null]>([
    ['an authenticator of 40 bits', { totp_secret: 'JBSWY3DP' }, { totp: undefined }, /^totp_secret: must be base32/],
    ['five digits', { totp_secret: 'JBSWY3DPEHPK3PXP', totp_digits: 5 }, { totp: undefined }, /^totp_digits/],
    [
      'an identity of white space',
      { identities: [{ connection: 'g', subject: ' ' }] },
      { identities: [] },
      /^identities: one/,
    ],
    [
      'an identity that is a number',
      { identities: [{ connection: 'g', subject: 12 }] },
      { identities: [] },
      /^identities: one/,
    ],
    ['identities that are none', { identities: 'google' }, { identities: [] }, /^identities: left out/],
    ['a further address that is none', { further_emails: ['x'] }, { further: [] }, /^further_emails: one/],
    [
      'a further number that is none',
      { further_phone_numbers: ['911'] },
      { further: [] },
      /^further_phone_numbers: one/,
    ],
    ['a picture that is a program', { picture: 'javascript:alert(1)' }, { profile: {} }, /^picture: left out/],
    ['a picture that is a name', { picture: 'avatar_3' }, { profile: {} }, /^picture: left out: Invalid URL/],
    ['a very long name', { name: 'é'.repeat(200) }, { profile: { name: 'é'.repeat(128) } }, /^name: cut to 128/],
    [
      'a long name with a character of two units',
      { name: `${'a'.repeat(127)}😀😀` },
      { profile: { name: `${'a'.repeat(127)}😀` } },
      /^name: cut/,
    ],
    [
      'a long username of old',
      { preferred_username: 'a'.repeat(65) },
      { profile: {} },
      /^preferred_username: left out/,
    ],
    ['a name that is a number', { given_name: 7 }, { profile: { given_name: '7' } }, null],
    ['a language of POSIX', { locale: 'de_DE.UTF-8' }, { profile: { locale: 'de-DE' } }, null],
    ['a language that is none', { locale: '???' }, { profile: {} }, /^locale: left out/],
    ['a birthday with a time', { birthdate: '1990-05-01T00:00:00Z' }, { profile: { birthdate: '1990-05-01' } }, null],
    ['a birthday that nobody can read', { birthdate: '01/02/1990' }, { profile: {} }, /^birthdate: left out/],
    ['a birthday to come', { birthdate: '3000-01-01' }, { profile: {} }, /^birthdate: left out: must not be/],
    ['a place that is no time zone', { zoneinfo: 'Mars/Base' }, { profile: {} }, /^zoneinfo: left out/],
    ['a number as people write it', { phone_number: '0044 20 7123 4567' }, { phoneNumber: '+442071234567' }, null],
    [
      'a number that is none, said to be verified',
      { phone_number: 'call me', phone_number_verified: true },
      { phoneNumber: undefined, phoneNumberVerified: undefined },
      /^phone_number: left out/,
    ],
    [
      'an address in one line',
      { address: 'Rue 1, Paris' },
      { profile: { address: { formatted: 'Rue 1, Paris' } } },
      null,
    ],
    [
      'an address with a member too many',
      { address: { country: 'UK', planet: 'Earth' } },
      { profile: { address: { country: 'UK' } } },
      /^address\.planet: left out/,
    ],
    [
      'an address of a long code',
      { address: { postal_code: 'x'.repeat(40) } },
      { profile: {} },
      /^address\.postal_code: left out/,
    ],
    ['an address that is a list', { address: ['UK'] }, { profile: {} }, /^address: left out/],
    [
      'more properties than fit',
      { properties: { text: 'x'.repeat(20_000), plan: 'gold' } },
      { properties: { plan: 'gold' } },
      /^properties\.text: left out.*16 KiB/,
    ],
    ['properties that are a list', { properties: [1] }, { properties: undefined }, /^properties: left out/],
    ['a date that is none', { created_at: 'yesterday' }, { createdAt: undefined }, /^created_at: left out/],
    ['a date without a time', { created_at: '2019-05-05' }, { createdAt: '2019-05-05T00:00:00.000Z' }, null],
    ['a truth in words', { email_verified: 'TRUE' }, { emailVerified: true }, null],
    ['a truth that is none', { email_verified: 'maybe' }, { emailVerified: undefined }, /^email_verified: left out/],
  ])('%s does not keep the user out', (_what, given, taken, why) => {
    const read = readRecord({ email: 'ada@example.com', ...given });
    if (read.kind === 'refused') throw new Error(read.reason);
    expect(read.user).toMatchObject(taken);
    expect(read.warnings).toEqual(why === null ? [] : [expect.stringMatching(why)]);
  });

  test.each([[null], [[]], ['ada@example.com'], [42]])('%j instead of a user', (given) => {
    expect(readRecord(given).kind).toBe('refused');
  });

  test('the report never contains the password', () => {
    const read = readRecord({ email: 'ada@example.com', password: 'hunter2'.repeat(200) });
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });
});

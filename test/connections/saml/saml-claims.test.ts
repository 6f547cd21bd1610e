/** From the signed values of an answer to claims: names of attributes of each product, and who the subject is. */
import { describe, expect, test } from 'vitest';
import { presets, presetNames } from '#connections/saml/presets.ts';
import { samlClaims } from '#connections/saml/saml-claims.ts';
import { nameIdFormats } from '#saml/messages/module.ts';

type Attributes = Readonly<Record<string, readonly string[]>>;
const user = (attributes: Attributes = {}, nameId: { value?: string; format?: string | null } = {}, more = {}) => ({
  nameId: { value: 'f7c1', format: nameIdFormats.persistent, nameQualifier: null, spNameQualifier: null, ...nameId },
  attributes: Object.entries(attributes).map(([name, values]) => ({
    name,
    values,
    nameFormat: null,
    friendlyName: null,
  })),
  authnInstant: new Date('2030-01-01T00:00:00Z'),
  sessionIndex: '_s1',
  contextClass: null as string | null,
  ...more,
});
const ws = (name: string): string => `http://schemas.xmlsoap.org/ws/2005/05/identity/claims/${name}`;

/** As the products send them: by default, or by the steps of docs/enterprise-sso.md. */
const samples: Readonly<Record<(typeof presetNames)[number], Attributes>> = {
  okta: { email: ['noor@fernway.example'], firstName: ['Noor'], lastName: ['Haddad'], groups: ['a', 'b'] },
  entra: {
    'http://schemas.microsoft.com/identity/claims/objectidentifier': ['object-1'],
    [ws('emailaddress')]: ['noor@fernway.example'],
    [ws('givenname')]: ['Noor'],
    [ws('surname')]: ['Haddad'],
    [ws('name')]: ['noor@fernway.onmicrosoft.example'],
    'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups': ['a', 'b'],
  },
  google: { email: ['noor@fernway.example'], firstName: ['Noor'], lastName: ['Haddad'], groups: ['a', 'b'] },
  adfs: {
    [ws('emailaddress')]: ['noor@fernway.example'],
    [ws('givenname')]: ['Noor'],
    [ws('surname')]: ['Haddad'],
    'http://schemas.xmlsoap.org/claims/Group': ['a', 'b'],
  },
  onelogin: {
    'User.email': ['noor@fernway.example'],
    'User.FirstName': ['Noor'],
    'User.LastName': ['Haddad'],
    memberOf: ['a', 'b'],
  },
  pingfederate: { mail: ['noor@fernway.example'], givenName: ['Noor'], sn: ['Haddad'], memberOf: ['a', 'b'] },
  jumpcloud: { email: ['noor@fernway.example'], firstname: ['Noor'], lastname: ['Haddad'], memberOf: ['a', 'b'] },
  keycloak: {
    'urn:oid:1.2.840.113549.1.9.1': ['noor@fernway.example'],
    'urn:oid:2.5.4.42': ['Noor'],
    'urn:oid:2.5.4.4': ['Haddad'],
    member: ['a', 'b'],
  },
  simplesamlphp: { mail: ['noor@fernway.example'], givenName: ['Noor'], sn: ['Haddad'], groups: ['a', 'b'] },
  shibboleth: {
    'urn:oasis:names:tc:SAML:attribute:subject-id': ['noor@fernway.example'],
    'urn:oid:0.9.2342.19200300.100.1.3': ['noor@fernway.example'],
    'urn:oid:2.5.4.42': ['Noor'],
    'urn:oid:2.5.4.4': ['Haddad'],
    'urn:oid:1.3.6.1.4.1.5923.1.5.1.1': ['a', 'b'],
  },
};

describe('attributes', () => {
  test.each(presetNames)('of %s are read by its preset, and without one', (preset) => {
    const expected = {
      email: 'noor@fernway.example',
      email_verified: true,
      given_name: 'Noor',
      family_name: 'Haddad',
      groups: ['a', 'b'],
    };
    expect(samlClaims(user(samples[preset]), { preset })).toMatchObject(expected);
    expect(samlClaims(user(samples[preset]), {})).toMatchObject(expected);
  });

  test('with a name in the mapping take the place of the preset', () => {
    const attributes = { mail: ['old@fernway.example'], work: ['noor@fernway.example'], dept: ['x'] };
    const settings = { preset: 'simplesamlphp' as const, claims: { email: 'work', groups: 'dept' } };
    expect(samlClaims(user(attributes), settings)).toMatchObject({ email: 'noor@fernway.example', groups: ['x'] });
    expect(samlClaims(user({ mail: ['old@fernway.example'] }), settings).email).toBeUndefined();
  });

  test('are limited', () => {
    const many = Array.from({ length: 2000 }, (_, index) => `group-${index}`);
    expect(samlClaims(user({ groups: many }), {}).groups).toHaveLength(500);
  });

  test('are not read by their friendly names', () => {
    const attributes = [{ name: 'x', friendlyName: 'mail', nameFormat: null, values: ['evil@fernway.example'] }];
    expect(samlClaims({ ...user(), attributes }, {}).email).toBeUndefined();
  });

  test('without an email address leave the NameID, where its format is an email address', () => {
    const nameId = { value: 'noor@fernway.example', format: nameIdFormats.emailAddress };
    expect(samlClaims(user({}, nameId), {}).email).toBe('noor@fernway.example');
    expect(samlClaims(user({}, { ...nameId, format: nameIdFormats.persistent }), {}).email).toBeUndefined();
  });
});

describe('the subject', () => {
  const { transient, persistent, emailAddress, unspecified } = nameIdFormats;
  const uid = { uid: ['u1'] };
  test.each<[string, ReturnType<typeof user>, Parameters<typeof samlClaims>[1], string | undefined]>([
    ['is a persistent NameID', user({}, { format: persistent }), {}, 'f7c1'],
    ['is a NameID with an email address', user({}, { format: emailAddress }), {}, 'f7c1'],
    ['is a NameID of no format', user({}, { format: unspecified }), {}, 'f7c1'],
    ['is no transient NameID', user({}, { format: transient }), {}, undefined],
    ['is the attribute of the mapping', user(uid, { format: transient }), { claims: { sub: 'uid' } }, 'u1'],
    ['is no NameID where an attribute is missing', user(), { claims: { sub: 'uid' } }, undefined],
    ['is none of several values', user({ uid: ['u1', 'u2'] }), { claims: { sub: 'uid' } }, undefined],
    ['is one value that is sent twice', user({ uid: ['u1', 'u1'] }), { claims: { sub: 'uid' } }, 'u1'],
    ['is the attribute of the preset', user(samples.entra), { preset: 'entra' }, 'object-1'],
    ['is nothing else where the preset has one', user(), { preset: 'entra' }, undefined],
    ['is the NameID where the preset has none', user(samples.okta), { preset: 'okta' }, 'f7c1'],
  ])('%s', (_name, signed, settings, expected) => {
    expect(samlClaims(signed, settings).sub).toBe(expected);
  });
});

describe('a second factor', () => {
  const refeds = 'https://refeds.org/profile/mfa';
  const microsoft = 'http://schemas.microsoft.com/claims/multipleauthn';
  test.each<[string, ReturnType<typeof user>, readonly string[] | undefined, readonly string[]]>([
    ['by the context of REFEDS', user({}, {}, { contextClass: refeds }), undefined, ['mfa']],
    [
      'by the methods of Entra ID',
      user({ 'http://schemas.microsoft.com/claims/authnmethodsreferences': ['x', microsoft] }),
      undefined,
      ['mfa'],
    ],
    ['by a context of the connection', user({}, {}, { contextClass: 'urn:two' }), ['urn:two'], ['mfa']],
    ['by no other one', user({}, {}, { contextClass: refeds }), ['urn:two'], []],
    [
      'by no password',
      user({}, {}, { contextClass: 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password' }),
      undefined,
      [],
    ],
  ])('is proved %s', (_name, signed, mfaContexts, amr) => {
    expect(samlClaims(signed, mfaContexts === undefined ? {} : { mfaContexts }).amr).toEqual(amr);
  });
});

test('no preset names a subject that another user could choose', () => {
  expect(
    Object.entries(presets)
      .filter(([, { sub }]) => sub !== undefined)
      .map(([name]) => name),
  ).toEqual(['entra', 'shibboleth']);
});

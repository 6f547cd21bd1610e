import { describe, expect, test } from 'vitest';
import {
  type AttributeFacts,
  type AttributeMapping,
  attributesOf,
  attributesSchema,
  scopesOf,
} from '#saml/applications/attribute-mapping.ts';
import { contextClassOf, demandedLevel } from '#saml/applications/authn-context.ts';
import { dueWarning } from '#saml/applications/expiry.ts';
import { formatFor, nameIdOf } from '#saml/applications/name-id.ts';
import { consumerFor, defaultConsumer, failureOf } from '#saml/applications/sign-in-request.ts';
import { DAY } from '#kernel/clock.ts';

const facts: AttributeFacts = {
  userId: 'usr_1',
  claims: { email: 'noor@fernway.example', email_verified: true, name: 'Noor', locale: 'nl' },
  properties: { department: 'Sales', level: 3, tags: ['a', 'b'], nested: { x: 1 }, active: true, none: null },
  roles: ['OWNER', 'EDITOR', 'EDITOR'],
  permissions: ['b', 'a'],
  organization: { id: 'org_1', slug: 'fernway', name: 'Fernway' },
};
type Source = AttributeMapping extends infer M ? (M extends unknown ? Omit<M, 'name'> : never) : never;
const valuesOf = (source: Source, given = facts) => attributesOf([{ name: 'a', ...source }], given)[0]?.values;

describe('attributes', () => {
  test.each<[Source, readonly string[] | undefined]>([
    [{ source: 'claim', claim: 'name' }, ['Noor']],
    [{ source: 'claim', claim: 'email' }, ['noor@fernway.example']],
    [{ source: 'claim', claim: 'nickname' }, undefined],
    [{ source: 'property', property: 'department' }, ['Sales']],
    [{ source: 'property', property: 'level' }, ['3']],
    [{ source: 'property', property: 'active' }, ['true']],
    [{ source: 'property', property: 'tags' }, ['a', 'b']],
    [{ source: 'property', property: 'nested' }, undefined],
    [{ source: 'property', property: 'none' }, undefined],
    [{ source: 'property', property: 'unknown' }, undefined],
    [{ source: 'roles' }, ['EDITOR', 'OWNER']],
    [{ source: 'roles', names: { OWNER: 'admin' } }, ['EDITOR', 'admin']],
    [{ source: 'roles', names: { OWNER: 'admin' }, only_named: true }, ['admin']],
    [{ source: 'roles', names: { OWNER: 'x', EDITOR: 'x' } }, ['x']],
    [{ source: 'permissions' }, ['a', 'b']],
    [{ source: 'organization', member: 'id' }, ['org_1']],
    [{ source: 'organization', member: 'slug' }, ['fernway']],
    [{ source: 'organization', member: 'name' }, ['Fernway']],
    [{ source: 'user_id' }, ['usr_1']],
    [{ source: 'constant', values: ['gold', 'blue'] }, ['gold', 'blue']],
  ])('of %j are %j', (source, values) => {
    expect(valuesOf(source)).toEqual(values);
  });

  test.each<[string, Source, Partial<AttributeFacts>]>([
    [
      'an address that was not verified',
      { source: 'claim', claim: 'email' },
      { claims: { email: 'x@y.example', email_verified: false } },
    ],
    ['an organization where there is none', { source: 'organization', member: 'id' }, { organization: null }],
    ['roles where there are none', { source: 'roles' }, { roles: [] }],
    ['a property that every object has', { source: 'roles', only_named: true, names: {} }, { roles: ['constructor'] }],
  ])('leave out %s', (_title, source, given) => {
    expect(valuesOf(source, { ...facts, ...given })).toBeUndefined();
  });

  test.each([
    [
      'two of one name',
      [
        { name: 'a', source: 'user_id' },
        { name: 'a', source: 'user_id' },
      ],
    ],
    ['a claim that is none of the user', [{ name: 'a', source: 'claim', claim: 'sub' }]],
    ['a source that is unknown', [{ name: 'a', source: 'password' }]],
    ['a name without text', [{ name: '', source: 'user_id' }]],
    ['a property with a strange name', [{ name: 'a', source: 'property', property: '__proto__' }]],
  ])('are refused with %s', (_title, mapping) => {
    expect(attributesSchema.safeParse(mapping).success).toBe(false);
  });

  test('need the scopes that release them', () => {
    const scopes = scopesOf([
      { name: 'a', source: 'claim', claim: 'email' },
      { name: 'b', source: 'roles' },
      { name: 'c', source: 'claim', claim: 'phone_number' },
      { name: 'd', source: 'user_id' },
    ]);
    expect([...scopes]).toEqual(['email', 'profile', 'phone']);
  });
});

const format = (name: string) => `urn:oasis:names:tc:SAML:2.0:nameid-format:${name}`;
const UNSPECIFIED = 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified';
const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

describe('the format of a name', () => {
  test.each([
    ['persistent', null, 'persistent'],
    ['email', UNSPECIFIED, 'email'],
    ['email', EMAIL, 'email'],
    ['email', format('persistent'), 'persistent'],
    ['email', format('transient'), 'transient'],
    ['username', EMAIL, null],
    ['persistent', EMAIL, null],
    ['transient', format('kerberos'), null],
  ] as const)('is, of %s for a request of %s, %s', (chosen, asked, expected) => {
    expect(formatFor(chosen, asked)).toBe(expected);
  });

  const names = { persistent: '_p', username: 'noor', verifiedEmail: 'noor@fernway.example' };
  const parties = { ours: 'us', theirs: 'them' };
  test.each([
    ['persistent', '_p', 'us', 'them'],
    ['email', 'noor@fernway.example', null, null],
    ['username', 'noor', null, null],
    ['transient', /^_[0-9a-f]{32}$/, 'us', 'them'],
  ] as const)('makes of %s the name %s', (chosen, value, nameQualifier, spNameQualifier) => {
    const made = nameIdOf(chosen, names, parties);
    expect(made).toMatchObject({ nameQualifier, spNameQualifier });
    expect(made?.value).toMatch(value);
  });

  test.each([
    ['email', { ...names, verifiedEmail: null }],
    ['username', { ...names, username: null }],
  ] as const)('makes no name of %s for a user without one', (chosen, given) => {
    expect(nameIdOf(chosen, given, parties)).toBeNull();
  });
});

const classOf = (name: string) => `urn:oasis:names:tc:SAML:2.0:ac:classes:${name}`;
const PASSWORD = classOf('PasswordProtectedTransport');
const MFA = 'https://refeds.org/profile/mfa';
const asked = (classes: string[], comparison = 'exact') => ({ classes, comparison });

describe('the context of a sign-in', () => {
  test.each([
    [null, 1],
    [asked([]), 1],
    [asked([classOf('unspecified')]), 1],
    [asked([PASSWORD]), 1],
    [asked([MFA]), 2],
    [asked([MFA, PASSWORD]), 1],
    [asked(['http://schemas.microsoft.com/claims/multipleauthn']), 2],
    [asked(['urn:latchkey:acr:3'], 'minimum'), 3],
    [asked([PASSWORD], 'better'), 2],
    [asked(['urn:latchkey:acr:3'], 'better'), 'unmet'],
    [asked([MFA], 'maximum'), 1],
    [asked([classOf('SmartcardPKI')]), 'unmet'],
    [asked([classOf('SmartcardPKI'), MFA]), 2],
    [asked(['constructor']), 'unmet'],
  ])('that %j asks for has level %s', (requested, level) => {
    expect(demandedLevel(requested)).toBe(level);
  });

  test.each([
    [1, ['pwd'], null, PASSWORD],
    [1, ['otp'], null, classOf('unspecified')],
    [2, ['pwd', 'otp'], null, MFA],
    [3, ['hwk'], null, MFA],
    [2, ['pwd', 'otp'], asked([PASSWORD]), PASSWORD],
    [2, ['pwd', 'otp'], asked([PASSWORD, MFA]), MFA],
    [3, ['hwk'], asked(['urn:latchkey:acr:3']), 'urn:latchkey:acr:3'],
    [1, ['pwd'], asked([MFA], 'maximum'), PASSWORD],
  ] as const)('of level %s by %j, for %j, is said as %s', (level, amr, requested, said) => {
    expect(contextClassOf({ level, amr }, requested)).toBe(said);
  });
});

describe('the address of an answer', () => {
  const consumers = [
    { url: 'https://a.example/acs', index: 0, isDefault: false },
    { url: 'https://b.example/acs', index: 4, isDefault: true },
  ];
  test.each([
    [null, null, 'https://b.example/acs'],
    ['https://a.example/acs', null, 'https://a.example/acs'],
    [null, 0, 'https://a.example/acs'],
    [null, 99, null],
    ['https://A.example/acs', null, null],
    ['https://a.example/acs/', null, null],
    ['https://a.example/acs?x', null, null],
    ['https://evil.example/acs', null, null],
    ['https://a.example/acs', 0, null],
  ])('for URL %s and index %s is %s', (assertionConsumerServiceUrl, assertionConsumerServiceIndex, url) => {
    const found = consumerFor(consumers, { assertionConsumerServiceUrl, assertionConsumerServiceIndex });
    expect(found?.url ?? null).toBe(url);
  });

  test('is the first one where none is the default', () => {
    expect(defaultConsumer([{ url: 'https://a.example', index: 3, isDefault: false }]).url).toBe('https://a.example');
  });
});

test.each([
  ['login_required', 'not_signed_in'],
  ['consent_required', 'not_signed_in'],
  ['interaction_required', 'not_signed_in'],
  ['access_denied', 'refused'],
  ['unmet_authentication_requirements', 'context'],
  ['server_error', 'failed'],
])('the application hears of %s that it %s', (error, failure) => {
  expect(failureOf(error)).toBe(failure);
});

test.each([
  [31, null],
  [30, 30],
  [8, 30],
  [7, 7],
  [2, 7],
  [1, 1],
  [0.5, 1],
  [0, 0],
  [-3, 0],
])('%s days before the end the warning is %s', (days, due) => {
  const now = new Date('2026-11-30T12:00:00Z');
  expect(dueWarning(new Date(now.getTime() + days * DAY), now)).toBe(due);
});

/**
 * Names of attributes, as products send them by default or as their documentation tells administrators to name them. Of several names the first
 * one that is present counts. Without a subject here the NameID says who the user is.
 */
import type { ClaimMapping, MappedMember } from '../providers/provider.ts';

export const presetNames = [
  'okta',
  'entra',
  'google',
  'adfs',
  'onelogin',
  'pingfederate',
  'jumpcloud',
  'keycloak',
  'simplesamlphp',
  'shibboleth',
] as const;
export type PresetName = (typeof presetNames)[number];

type AttributeNames = Readonly<Partial<Record<MappedMember, readonly string[]>>>;

/** Claims of WS-Federation, which Microsoft sends by SAML too. */
const wsClaim = (name: string): string => `http://schemas.xmlsoap.org/ws/2005/05/identity/claims/${name}`;
const microsoftRole = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role';

/** LDAP attributes under their object identifiers (MACE-Dir, eduPerson). */
const oids = {
  mail: 'urn:oid:0.9.2342.19200300.100.1.3',
  uid: 'urn:oid:0.9.2342.19200300.100.1.1',
  displayName: 'urn:oid:2.16.840.1.113730.3.1.241',
  givenName: 'urn:oid:2.5.4.42',
  surname: 'urn:oid:2.5.4.4',
  principalName: 'urn:oid:1.3.6.1.4.1.5923.1.1.1.6',
  isMemberOf: 'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
  preferredLanguage: 'urn:oid:2.16.840.1.113730.3.1.39',
  pkcs9Email: 'urn:oid:1.2.840.113549.1.9.1',
} as const;

/** LDAP attributes under their short names. */
const ldap: AttributeNames = {
  email: ['mail', 'email', oids.mail],
  name: ['displayName', 'cn', oids.displayName],
  given_name: ['givenName', oids.givenName],
  family_name: ['sn', 'surname', oids.surname],
  preferred_username: ['eduPersonPrincipalName', 'uid', oids.principalName, oids.uid],
  locale: ['preferredLanguage', oids.preferredLanguage],
  groups: ['groups', 'memberOf', 'isMemberOf', oids.isMemberOf],
  roles: ['roles', 'role'],
};

export const presets: Readonly<Record<PresetName, AttributeNames>> = {
  // https://developer.okta.com/docs/guides/saml-tracer/main/ names no attribute; its integrations use these.
  okta: {
    email: ['email'],
    name: ['displayName'],
    given_name: ['firstName'],
    family_name: ['lastName'],
    preferred_username: ['login'],
    groups: ['groups'],
    roles: ['roles'],
  },
  // https://learn.microsoft.com/en-us/entra/identity-platform/reference-saml-tokens: the object identifier of a user never changes, and the
  // usual NameID is the name by which the user signs in, which does.
  entra: {
    sub: ['http://schemas.microsoft.com/identity/claims/objectidentifier'],
    email: [wsClaim('emailaddress')],
    name: ['http://schemas.microsoft.com/identity/claims/displayname'],
    given_name: [wsClaim('givenname')],
    family_name: [wsClaim('surname')],
    preferred_username: [wsClaim('name')],
    groups: ['http://schemas.microsoft.com/ws/2008/06/identity/claims/groups'],
    roles: [microsoftRole],
  },
  // https://support.google.com/a/answer/6087519
  google: {
    email: ['email', 'mail'],
    given_name: ['firstName', 'first_name'],
    family_name: ['lastName', 'last_name'],
    groups: ['groups'],
  },
  // https://learn.microsoft.com/en-us/windows-server/identity/ad-fs/technical-reference/the-role-of-claims
  adfs: {
    email: [wsClaim('emailaddress')],
    name: [wsClaim('name'), 'http://schemas.xmlsoap.org/claims/CommonName'],
    given_name: [wsClaim('givenname')],
    family_name: [wsClaim('surname')],
    preferred_username: [wsClaim('upn')],
    groups: ['http://schemas.xmlsoap.org/claims/Group'],
    roles: [microsoftRole],
  },
  // https://onelogin.service-now.com/support?id=kb_article&sys_id=912bb23edbde7810fe39dde7489619de
  onelogin: {
    email: ['User.email', 'email'],
    given_name: ['User.FirstName', 'firstname'],
    family_name: ['User.LastName', 'lastname'],
    groups: ['memberOf', 'groups'],
    roles: ['roles'],
  },
  // The attribute contract is free; its documentation uses names of LDAP.
  pingfederate: ldap,
  // https://jumpcloud.com/support/sso-with-custom-saml-application-connector
  jumpcloud: {
    email: ['email', 'mail'],
    given_name: ['firstname', 'firstName'],
    family_name: ['lastname', 'lastName'],
    preferred_username: ['username'],
    groups: ['memberOf', 'groups'],
  },
  // The mappers of its predefined list, and of its template for roles and groups.
  keycloak: {
    email: [oids.pkcs9Email, 'email'],
    name: ['name'],
    given_name: [oids.givenName, 'firstName', 'givenName'],
    family_name: [oids.surname, 'lastName', 'surname'],
    preferred_username: ['username'],
    groups: ['member', 'groups'],
    roles: ['Role', 'roles'],
  },
  simplesamlphp: ldap,
  // https://shibboleth.atlassian.net/wiki/spaces/IDP5/pages/3199511688/AttributeRegistryConfiguration. Its usual NameID is transient, and the
  // SAML Subject Identifier Attributes Profile takes the place of NameIDs.
  shibboleth: {
    ...ldap,
    sub: [
      'urn:oasis:names:tc:SAML:attribute:subject-id',
      'urn:oasis:names:tc:SAML:attribute:pairwise-id',
      oids.principalName,
    ],
    email: [oids.mail],
    name: [oids.displayName],
    given_name: [oids.givenName],
    family_name: [oids.surname],
    preferred_username: [oids.principalName, oids.uid],
  },
};

/** Without a preset: the names of all of them, but no subject. */
export const commonNames: AttributeNames = Object.fromEntries(
  (['email', 'name', 'given_name', 'family_name', 'preferred_username', 'locale', 'groups', 'roles'] as const).map(
    (member) => [member, [...new Set(Object.values(presets).flatMap((names) => names[member] ?? []))]],
  ),
);

/** Whether an attribute says who the user is, and not the NameID. */
export const namesSubject = ({ preset, claims }: { preset?: PresetName; claims?: ClaimMapping }): boolean =>
  claims?.sub !== undefined || (preset !== undefined && presets[preset].sub !== undefined);

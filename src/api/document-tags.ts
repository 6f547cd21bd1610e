/** The nouns of the API with a sentence each; the explorer and the pages group operations by them. */

const descriptions: Readonly<Record<string, string>> = {
  access: 'Questions about permissions: what a user or a machine client may do, and why.',
  apis: 'APIs, the audiences of access tokens, with their scopes.',
  'apis.scopes': 'Scopes of an API, one by one.',
  audit: 'The audit log: events, their seals and checkpoints.',
  assignments: 'Roles that users, groups and clients hold.',
  branding: 'Logos, colors and stylesheets of the pages.',
  'branding.client_logos': 'Logos that clients name in their metadata, as they are fetched and shown.',
  'branding.logo': 'The logo of the instance, or of a client.',
  'branding.stylesheet': 'The custom CSS of the pages.',
  'branding.clients': 'The brand of one client on the pages of its sign-in.',
  clients: 'OAuth clients, which users know as applications.',
  'clients.secrets': 'Secrets of clients. A secret is shown once, when it is created.',
  connections: 'Upstream identity providers of the instance.',
  consents: 'Permissions that users gave to clients.',
  events: 'Events of the audit log: who did what, when and from where.',
  event_types: 'The catalogue of event types.',
  groups: 'Groups of users of the instance, which hold roles.',
  'groups.members': 'Users who belong to a group of the instance.',
  invitations: 'Invitations to an account of this instance.',
  keys: 'Signing and encryption keys of the OpenID provider.',
  organizations: 'Organizations: customers, teams or tenants that users belong to.',
  'organizations.access': 'Questions about permissions in one organization.',
  'organizations.assignments': 'Roles of one organization, with their holders.',
  'organizations.branding': 'Colors and texts of the pages of one organization.',
  'organizations.clients': 'Machine clients that may act for an organization.',
  'organizations.connections': 'Identity providers of an organization.',
  'organizations.domains': 'Email domains of an organization, proved by a record in the DNS.',
  'organizations.events': 'The audit log of one organization.',
  'organizations.groups': 'Groups of members of an organization.',
  'organizations.groups.members': 'Users who belong to a group of an organization.',
  'organizations.invitations': 'Email addresses that an organization invites.',
  'organizations.join_requests': 'Requests of users to join an organization.',
  'organizations.logo': 'The logo of an organization.',
  'organizations.members': 'Users who belong to an organization, with their roles there.',
  'organizations.policy': 'Rules that an organization tightens for its members.',
  'organizations.roles': 'Roles of one organization.',
  permissions: 'The permissions that roles can hold.',
  registration_tokens: 'Tokens for clients that register themselves (RFC 7591).',
  roles: 'Roles of the instance: names for sets of permissions.',
  saml_applications: 'Applications that sign users in by SAML 2.0.',
  'saml.keys': 'Signing and encryption keys for SAML.',
  sessions: 'Browsers in which users are signed in.',
  settings: 'Policies of the instance.',
  users: 'Users: their status, their profile and their credentials.',
  'users.credentials': 'Passwords, passkeys and second factors of a user, without their secrets.',
  'users.identities': 'Identities of a user at upstream providers.',
  'users.organizations': 'Organizations to which a user belongs.',
  'users.properties': 'Values of a user that your applications define.',
  'users.sign_ins': 'Sign-ins of a user with the reasons of refusals.',
  'users.username': 'The username of a user.',
  database: 'The database of the instance.',
  me: 'The user of the access token.',
  'me.factors': 'Second factors of the user of the token, without their secrets.',
  'me.identities': 'Identities at upstream providers, of the user of the token.',
  'me.organizations': 'Organizations of the user of the token, with the permissions there.',
  'me.sessions': 'Browsers in which the user of the token is signed in.',
  'users.consents': 'Permissions that a user gave to clients.',
  'users.passkeys': 'Passkeys and security keys of a user.',
  'users.password': 'The password of a user, which an operator never sees.',
  'users.picture': 'The picture of a user.',
  'users.recovery_codes': 'Recovery codes of a user, by their number.',
  'users.sessions': 'Browsers in which a user is signed in.',
  'users.totp': 'The authenticator app of a user.',
  'users.trusted_browsers': 'Browsers in which a user is not asked for a second factor.',
  saml: 'Settings of SAML.',
  'users.emails': 'Email addresses of a user.',
  'users.phone_numbers': 'Phone numbers of a user.',
  'audit.events': 'Events of the audit log.',
  policies: 'Policies of the instance.',
  jobs: 'Work that the server does in the background.',
  schedules: 'Work that runs at fixed times.',
  'organizations.permissions': 'Permissions that roles of an organization can hold.',
  waitlist: 'Visitors who want an account.',
};

/** The tag of an operation: its nouns, `organizations.members`. */
export const tagOf = (operationName: string): string => operationName.split('.').slice(0, -1).join('.');

/** Every tag of these operations, sorted, with its sentence. */
export function tagsOf(operationNames: readonly string[]): { name: string; description: string }[] {
  return [...new Set(operationNames.map(tagOf))]
    .toSorted()
    .map((name) => ({ name, description: descriptions[name] ?? `Operations on ${inWords(name)}.` }));
}

/** The tags without a sentence of their own. */
export const undescribedTags = (operationNames: readonly string[]): string[] =>
  [...new Set(operationNames.map(tagOf))].filter((name) => !Object.hasOwn(descriptions, name)).toSorted();

/** `organizations.join_requests` as `organization join requests`. */
const inWords = (tag: string): string =>
  tag
    .split('.')
    .map((noun, at, nouns) => (at === nouns.length - 1 ? noun : noun.replace(/s$/, '')))
    .join(' ')
    .replaceAll('_', ' ');

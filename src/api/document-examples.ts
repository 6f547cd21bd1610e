/** Examples of requests and answers, from their schemas: a member is shown with a value that its name promises. */
import { type ApiDocument, type JsonSchema, resolved } from './document-form.ts';

const ID = '01h455vb4pex5vsknk084sn02q';
const TIME = '2026-01-31T12:00:00.000Z';

/** The prefix of the ids of each noun. */
const prefixes: Readonly<Record<string, string>> = {
  users: 'usr',
  organizations: 'org',
  members: 'usr',
  roles: 'rol',
  groups: 'grp',
  assignments: 'ras',
  connections: 'con',
  domains: 'odm',
  invitations: 'oin',
  waitlist: 'wait',
  clients: 'client',
  saml_applications: 'client',
  secrets: 'csec',
  passkeys: 'psk',
  client_secrets: 'csec',
  credentials: 'psk',
  ways: 'ras',
  contacts: 'cnt',
  emails: 'cnt',
  phone_numbers: 'cnt',
  trusted_browsers: 'tdev',
  events: 'evt',
};
const idMembers: Readonly<Record<string, string>> = {
  user_id: 'usr',
  organization_id: 'org',
  role_id: 'rol',
  group_id: 'grp',
  assignment_id: 'ras',
  connection_id: 'con',
  domain_id: 'odm',
  invitation_id: 'oin',
  client_id: 'client',
  landing_client_id: 'client',
  client_secret_id: 'csec',
  secret_id: 'csec',
  passkey_id: 'psk',
  event_id: 'evt',
};

/** Text by the name of its member, where a type alone would say too little. */
const texts: Readonly<Record<string, string>> = {
  email: 'noor@example.com',
  to: 'noor@example.com',
  phone_number: '+493012345678',
  username: 'noor',
  given_name: 'Noor',
  family_name: 'Haddad',
  name: 'Noor Haddad',
  display_name: 'Noor Haddad',
  nickname: 'Noor',
  locale: 'en',
  language: 'en',
  zoneinfo: 'Europe/Berlin',
  birthdate: '1990-05-17',
  gender: 'female',
  slug: 'acme',
  domain: 'example.com',
  reason: 'Left the company',
  description: 'Reads invoices',
  key: 'billing-admin',
  client_name: 'Nightly report',
  client_secret: 'lk_cs_8sQXy4kq3vXJ0bI5u1yJm7aRz2pVtE6w',
  token_type: 'Bearer',
  access_token: 'lk_at_Zt6vB0qk3uXyT9mJ1aRz2pVsE5wL8nYc',
  code: 'lk_4f8kq3vX',
  ip: '192.0.2.10',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
  browser: 'Firefox',
  system: 'Linux',
  kid: 'sig-2026-01',
  fingerprint: '5f2c8a7b90d1',
  entity_id: 'https://idp.example.com/metadata',
  issuer: 'https://idp.example.com',
  next_cursor: 'k1.Zt6vB0qk3uXyT9mJ1aRz2pVsE5wL8nYcQXy4kq3vXJ0',
  cursor: 'k1.Zt6vB0qk3uXyT9mJ1aRz2pVsE5wL8nYcQXy4kq3vXJ0',
  permission: 'users.read',
  permissions: 'users.read',
  scope: 'users.read',
  scopes: 'users.read',
  actor: `usr_${ID}`,
  created_by: `usr_${ID}`,
  legacy_id: '48151',
  subject: '48151',
  identifier: 'https://api.example.com',
  role: 'editor',
  roles: 'editor',
};

/** The name of an object of each noun. */
const names: Readonly<Record<string, string>> = {
  organizations: 'Acme',
  roles: 'billing-admin',
  groups: 'Accounting',
  clients: 'Nightly report',
  saml_applications: 'Expenses',
  apis: 'Invoices',
  scopes: 'invoices.read',
  connections: 'Acme staff',
  credentials: 'Work laptop',
  permissions: 'users.read',
};

const numbers: Readonly<Record<string, number>> = { total: 1, limit: 100, deleted: 1, status: 200 };

type ExampleOf = (schema: JsonSchema, at: { name: string; noun: string }) => unknown;

/** Makes examples by the schemas of this document. */
export function exampleMaker(document: Pick<ApiDocument, 'components'>): ExampleOf {
  /** A schema that contains itself is shown once. */
  const open = new Set<string>();

  function exampleOf(given: JsonSchema, at: { name: string; noun: string }): unknown {
    const { $ref } = given;
    if ($ref !== undefined && open.has($ref)) return undefined;
    if ($ref !== undefined) open.add($ref);
    try {
      return ofSchema(resolved(document, given), at);
    } finally {
      if ($ref !== undefined) open.delete($ref);
    }
  }

  function ofSchema(schema: JsonSchema, at: { name: string; noun: string }): unknown {
    if (schema.example !== undefined) return schema.example;
    if (schema.examples?.[0] !== undefined) return schema.examples[0];
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return schema.default ?? schema.enum.find((value) => value !== null) ?? null;
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) {
      const shown = choices.find(({ type }) => type !== 'null');
      return shown === undefined ? null : exampleOf(shown, at);
    }
    if (schema.allOf !== undefined)
      return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, at))) as unknown;
    const type = Array.isArray(schema.type) ? schema.type.find((each) => each !== 'null') : schema.type;
    if (type === 'object') return ofObject(schema, at);
    if (type === 'array') return ofList(schema, at);
    if (type === 'string') return textOf(schema, at);
    if (type === 'boolean') return schema.default ?? true;
    if (type === 'integer' || type === 'number') return numberOf(schema, at.name);
    return type === 'null' ? null : texts[at.name];
  }

  function ofObject({ properties = {}, required = [], additionalProperties, propertyNames }: JsonSchema, at: At) {
    const members = Object.entries(properties).map(([name, schema]) => {
      const value = exampleOf(schema, { ...at, name });
      return [name, value === undefined && required.includes(name) ? 'value' : value] as const;
    });
    const others =
      typeof additionalProperties === 'object' && members.length === 0
        ? [[keyOf(propertyNames), exampleOf(additionalProperties, at) ?? 'value'] as const]
        : [];
    return Object.fromEntries([...members, ...others].filter(([, value]) => value !== undefined));
  }

  function keyOf(names: JsonSchema | undefined): string {
    const found = names && resolved(document, names);
    return typeof found?.enum?.[0] === 'string' ? found.enum[0] : found?.format === 'uri' ? texts['identifier']! : 'en';
  }

  function ofList({ items, minItems = 0 }: JsonSchema, at: At): unknown[] {
    const holds = Object.hasOwn(prefixes, at.name) || Object.hasOwn(names, at.name);
    const one = items && exampleOf(items, holds ? { ...at, noun: at.name } : at);
    return one === undefined ? [] : Array.from({ length: Math.max(1, minItems) }, () => one);
  }

  return exampleOf;
}

type At = { name: string; noun: string };

function textOf(
  { format, pattern, minLength = 0, maxLength, default: standard }: JsonSchema,
  { name, noun }: At,
): string {
  const prefix = name === 'id' ? prefixes[noun] : idMembers[name];
  if (prefix !== undefined) return `${prefix}_${ID}`;
  if (format === 'date-time' || name.endsWith('_at')) return TIME;
  if (format === 'date') return TIME.slice(0, 10);
  if (typeof standard === 'string' && standard !== '') return standard;
  if (format === 'uri' || /(^|_)(url|uri|urls|uris|endpoint|website|profile|picture)$/.test(name))
    return `https://app.example.com/${name.replace(/_?(url|uri)s?$/, '').replaceAll('_', '-')}`;
  if (format === 'email') return texts['email']!;
  if (format === 'uuid') return '0195b7e0-3f6a-4c1d-9e52-7a8b9c0d1e2f';
  if (name === 'name' && Object.hasOwn(names, noun)) return names[noun]!;
  const named = Object.hasOwn(texts, name) ? texts[name]! : name.replaceAll('_', '-') || 'text';
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(named)) return name;
  return named.padEnd(minLength, '0').slice(0, maxLength);
}

function numberOf({ minimum, maximum, default: standard }: JsonSchema, name: string): number {
  if (typeof standard === 'number') return standard;
  const wished = numbers[name] ?? 1;
  return Math.min(Math.max(wished, minimum ?? wished), maximum ?? wished);
}

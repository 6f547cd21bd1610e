// Writes docs/settings.md from the schemas of the settings: npm run docs:settings
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsOnWire } from '#settings/setting-wire.ts';
import { type PolicyInForce, type Section, sections } from '#settings/policies.ts';

/** Examples of texts and lists. Examples of other settings follow from the accepted values. */
const examples: Readonly<Record<string, unknown>> = {
  'branding.name': 'Fernway',
  'branding.color': '#0a3fb5',
  'branding.accent': '#b5400a',
  'branding.privacyUrl': 'https://example.com/privacy',
  'branding.termsUrl': 'https://example.com/terms',
  'branding.helpUrl': 'https://example.com/help',
  'password.blockedWords': ['fernway'],
  'password.breachUrl': 'https://breaches.example.com/range/',
  'signIn.methods': ['passkey', 'emailCode'],
  'mfa.factors': ['passkey'],
  'passkeys.allowedAuthenticators': ['cb69481e-8ff7-4039-93ec-0a2729a154a8'],
  'passkeys.rpId': 'example.com',
  'passkeys.attestationRoots': [],
  'passkeys.relatedOrigins': ['https://example.org'],
  'sms.countries': ['49', '31'],
  'sms.exceptions': ['4915'],
  'users.reservedUsernames': ['support'],
  'registration.domains': ['example.com'],
  'registration.methods': ['passkey'],
  'registration.fields': ['given_name', 'family_name'],
  'registration.termsVersion': '2026-05',
  'profile.required': ['name'],
  'profile.fields': ['given_name', 'family_name'],
  'profile.properties': [{ name: 'department', label: 'Department', type: 'text' }],
  'networks.allowed': ['192.0.2.0/24'],
  'migration.verifyUrl': 'https://old.example.com/verify',
  'risk.rules': [{ signals: ['new_device'], actions: ['second_factor', 'notify'] }],
  'oidc.registrationScopes': ['openid', 'email'],
  'oidc.registrationGrants': ['authorization_code'],
  'oidc.registrationMembers': ['id_token_claims'],
  'oidc.nativeSchemes': ['cursor'],
};

/** Sections in words, in the order of the page. */
const titles: Readonly<Record<Section, string>> = {
  branding: 'Name and look of the pages: [branding](branding.md)',
  password: 'New passwords: [passwords](passwords.md)',
  signIn: 'Ways to sign in: [creating accounts](registration.md#methods)',
  mfa: 'Second factors: [second factors](second-factors.md)',
  passkeys: 'Passkeys and security keys: [passkeys](passkeys.md)',
  sms: 'Text messages: [messages](messages.md)',
  verification: 'Proof of email addresses: [messages](messages.md)',
  users: 'Identifiers of users: [creating accounts](registration.md)',
  registration: 'New accounts: [creating accounts](registration.md)',
  profile: 'Profiles and custom properties: [users](users.md)',
  account: 'The account pages: [account](account.md)',
  organizations: 'Organizations: [organizations](organizations.md)',
  api: 'The management API: [API](api.md)',
  session: 'Sessions: [sessions](sessions.md)',
  networks: 'Networks that may sign in: [policy of an organization](organization-policy.md)',
  limits: 'Limits on tries and calls: [unusual sign-ins](risk.md)',
  migration: 'Passwords that the old system checks: [migrating](migrating.md)',
  risk: 'Unusual sign-ins and attacks: [unusual sign-ins](risk.md)',
  oidc: 'OpenID Connect: [clients](clients.md), [registration of software](operations.md#software-that-registers-itself)',
};

const head = `# Settings

Every policy of the instance, with the values that it takes, its default and an example. Settings are in the database and reach every node within seconds.
Environment variables, which hold secrets and addresses, are on [another page](configuration.md).

\`\`\`sh
npx latchkey settings list --changed
npx latchkey settings set session.idleSeconds 1800
npx latchkey settings reset session.idleSeconds
\`\`\`

The management API has the same at \`/api/v1/settings\`. An organization can [tighten](organization-policy.md) some of them for its members. \`latchkey doctor\` names the
settings that are less safe than their default. In the tables – means that nothing is set, and the meaning says what then counts.

\`npm run docs:settings\` generates this page from \`src/settings/policies.ts\` and \`src/settings/meanings.ts\`.
`;

type Json = Readonly<Record<string, unknown>>;

/** A value that the setting takes and that is not its default. */
export function exampleOf(name: string, schema: Json, fallback: unknown): unknown {
  if (Object.hasOwn(examples, name)) return examples[name];
  const options = Array.isArray(schema['enum']) ? schema['enum'] : optionsOf(schema);
  if (options !== null) return options.find((option) => option !== fallback);
  if (schema['type'] === 'boolean') return fallback !== true;
  const least = Number(schema['minimum'] ?? 0);
  const most = Number(schema['maximum'] ?? Number.MAX_SAFE_INTEGER);
  const given = typeof fallback === 'number' ? fallback : least;
  const other = Math.min(most, given * 2 || 1);
  return other === fallback ? Math.max(least, Math.floor(given / 2)) : other;
}

function optionsOf({ anyOf }: Json): unknown[] | null {
  return Array.isArray(anyOf) && anyOf.every((each: Json) => 'const' in each)
    ? anyOf.map((each: Json) => each['const'])
    : null;
}

/** Each setting with its example; the test asks the schema whether it takes it. */
export function shownSettings() {
  const defaults = Object.fromEntries(
    Object.entries(sections).map(([section, schema]) => [section, schema.parse({})]),
  ) as PolicyInForce;
  return settingsOnWire(defaults).map((setting) => ({
    ...setting,
    section: setting.section as Section,
    example: exampleOf(setting.name, setting.schema, setting.default),
  }));
}

const code = (value: unknown): string =>
  value === null ? '–' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``.replaceAll('|', '\\|');

/** \`must be a whole number from 1 to 5, such as 2\`: the column says that it must, and shows an example of its own. */
const takes = (words: string): string =>
  words
    .replace(/^must be /, '')
    .replace(/, such as .*$/s, '')
    .replaceAll('|', '\\|');

/** The text of docs/settings.md. */
export function settingsPage(): string {
  const all = shownSettings();
  const tables = Object.entries(titles).map(([section, title]) => {
    const rows = all
      .filter((setting) => setting.section === section)
      .map(
        ({ name, takes: words, default: fallback, example, meaning }) =>
          `| \`${name}\` | ${takes(words)} | ${code(fallback)} | ${code(example)} | ${meaning.replaceAll('|', '\\|')} |\n`,
      );
    return `\n## ${section}\n\n${title}.\n\n| setting | takes | default | example | meaning |\n|---|---|---|---|---|\n${rows.join('')}`;
  });
  return head + tables.join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'settings.md'), settingsPage());

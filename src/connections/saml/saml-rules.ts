/** Rules for the members of a connection of SAML. */
import type { Connection } from '../connection.ts';
import { membershipMembers } from '../membership-rules.ts';
import { namesSubject } from './presets.ts';
import { type SamlSettings, samlMembers } from './saml-settings.ts';

const names = Object.entries(samlMembers) as [string, keyof SamlSettings][];

/** The first member of the settings that belongs to connections of SAML; null without any. */
export const samlMemberOf = (settings: SamlSettings): string | null =>
  names.find(([, member]) => settings[member] !== undefined)?.[0] ?? null;

const propertyMembers = ['properties', 'updatesProperties'] as const satisfies (keyof Connection['settings'])[];

/** Words below `/saml` that name something else than a connection. */
const reserved: ReadonlySet<string> = new Set(['applications', 'logout']);

/** The problem of a connection of SAML; null when it can work. */
export function samlProblem(
  { slug, settings }: Pick<Connection, 'settings'> & Partial<Pick<Connection, 'slug'>>,
  secret: string | null,
): string | null {
  if (secret !== null) return 'saml has no client_secret; the provider proves itself by its certificates';
  if (slug !== undefined && reserved.has(slug)) return `the slug ${slug} is reserved`;
  const own = new Set<string>([
    ...names.map(([, member]) => member),
    ...Object.values(membershipMembers),
    'claims',
    ...propertyMembers,
  ]);
  const foreign = Object.keys(settings).find((member) => !own.has(member));
  if (foreign !== undefined)
    return `saml takes no ${foreign.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  if (settings.nameIdFormat === 'transient' && !namesSubject(settings))
    return 'a transient NameID is another one at each sign-in: name the attribute of the subject in claims, as {"sub": "uid"}';
  return null;
}

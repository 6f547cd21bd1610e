/** The members of a connection that variables may give, each with its meaning. `docs/configuration.md` is generated from these. */
export const connectionVariables = {
  CLIENT_ID:
    'Client identifier that the identity provider gave. It makes the connection; SLUG is its slug in capitals, as GOOGLE or ACME_CORP.',
  CLIENT_SECRET: 'Client secret that the identity provider gave.',
  CLIENT_SECRET_FILE:
    'File with the client secret, or with the private key in PEM (Apple: the .p8 file), in place of CLIENT_SECRET.',
  CLIENT_CERTIFICATE_FILE: 'File with the certificate of that private key in PEM, where the provider asks for one.',
  PROVIDER:
    'Identity provider, for example oidc. Default: the slug, for google, microsoft and the other named providers.',
  NAME: 'Name that users see. Default: the name of the provider.',
  ISSUER: 'Issuer of a provider of OpenID Connect.',
  SCOPE: 'Scopes of the request, separated by spaces. Default: the usual scopes of the provider.',
  KEY_ID: 'Identifier of the private key at the provider.',
  TEAM_ID: 'Team of the Apple developer.',
} as const satisfies Record<string, string>;

type Member = keyof typeof connectionVariables;
export type GivenConnection = { slug: string } & Partial<Record<Member, string>>;

const PREFIX = 'LATCHKEY_CONNECTION_';
/** The longest first: CLIENT_SECRET_FILE ends no name that CLIENT_SECRET could end. */
const members = (Object.keys(connectionVariables) as Member[]).toSorted((a, b) => b.length - a.length);

/** The connections that variables configure, by slug; or the problem with the variables, and its fix. */
export function readConnections(
  env: Readonly<Record<string, string | undefined>>,
): readonly GivenConnection[] | string {
  const found = new Map<string, GivenConnection>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    const member = members.find((each) => name.endsWith(`_${each}`) && name.length > PREFIX.length + each.length);
    const slug = name
      .slice(PREFIX.length, -1 - (member?.length ?? 0))
      .toLowerCase()
      .replaceAll('_', '-');
    if (member === undefined || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug))
      return `${name} is not known. Its end must be one of ${Object.keys(connectionVariables).join(', ')}.`;
    found.set(slug, { ...found.get(slug), slug, [member]: value });
  }
  const all = [...found.values()].toSorted((a, b) => a.slug.localeCompare(b.slug, 'en'));
  for (const { slug, CLIENT_ID: id, CLIENT_SECRET: secret, CLIENT_SECRET_FILE: file } of all) {
    const name = `${PREFIX}${slug.toUpperCase().replaceAll('-', '_')}`;
    if (id === undefined) return `${name}_CLIENT_ID is missing. Set it, or remove the other variables of ${slug}.`;
    if (secret !== undefined && file !== undefined)
      return `Set ${name}_CLIENT_SECRET or ${name}_CLIENT_SECRET_FILE, and not both.`;
  }
  return all;
}

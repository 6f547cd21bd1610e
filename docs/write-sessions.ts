// Writes docs/sessions.md from the table of what acts end: npm run docs:sessions
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, endings, engineEndings, organizationEndings } from '#oidc/module.ts';

const head = `# Acts that end sessions and tokens

An act that takes rights away from a user, or from an intruder, ends sessions and tokens in the transaction of the act. After its response,
sessions, grants, opaque access tokens and refresh tokens are invalid on every node. JWT access tokens stay valid until they expire, where no API
introspects them. Relying parties of an ended session are notified by back-channel logout
([decision 10](decisions/010-tokens-end-with-their-session.md)). Each act ends only the items that its row names.

\`latchkey session end --user ada@example.com --all\` signs a user out everywhere; \`session list --user ada@example.com\` shows the sessions, and
\`session end --user ada@example.com --id SESSION\` ends one.

\`npm run docs:sessions\` generates this page from \`src/oidc/sessions/access-revocation.ts\`.

`;

const columns = `| act | sessions | grants and tokens | open sign-ins | links and codes | trusted browsers | known browsers | passkey challenges |
|---|---|---|---|---|---|---|---|
`;

const tail = `
- Grants and tokens are authorization codes, access tokens and refresh tokens. They end with their session, except tokens that were requested
  with \`offline_access\`: "all of the session" leaves them, and "all" includes them.
- Open sign-ins have proved a factor and are not finished, or they are finished and the browser has not followed the last redirect.
- Proofs are all links and codes except two links that work against an intruder: the link that undoes a change of the email address, and "This
  was not me" ([decision 18](decisions/018-undo-links-depend-on-their-address.md)).
- A trusted browser is not asked for the second factor. A known browser has its own counter of wrong passwords.
- Passkey challenges are open requests to an authenticator, in a sign-in or on the page that adds a passkey. Each is also bound to its sign-in or
  session and is useless after it.
- A refresh token is used up when its grace is over (\`oidc.refreshGraceSeconds\`, 10 seconds), or with the first use of its successor
  ([decision 45](decisions/045-a-used-refresh-token-has-a-grace.md)).
- The erasure of an account also deletes the records of its sessions, grants and tokens.
- \`latchkey user require-password\` ends nothing until the next sign-in has set the password.

## Acts of the protocols

| act | sessions | grants and tokens |
|---|---|---|
`;

const organizationHead = `
## Acts on organizations

Tokens for an [organization](organizations.md) are refused on every node within one second, and refresh tokens at once. Sessions stay, and tokens without
this organization.

| act | tokens for the organization | until |
|---|---|---|
`;

const none = '–';
const capitalized = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const row = (act: string, cells: readonly (string | undefined)[]): string =>
  `| ${[capitalized(act), ...cells.map((cell) => cell ?? none)].join(' | ')} |\n`;

const rowOf = ([act, ending]: [string, Ending]): string =>
  row(act, [
    ending.sessions,
    ending.grants,
    ending.signIns,
    ending.links,
    ending.trustedBrowsers,
    ending.knownBrowsers,
    ending.passkeyChallenges,
  ]);

const engineRowOf = ([act, { sessions, grants }]: [string, Ending]): string => row(act, [sessions, grants]);

/** The text of docs/sessions.md. */
export function sessionsPage(): string {
  const rows = Object.entries(endings).map(rowOf).join('');
  const protocols = Object.entries(engineEndings).map(engineRowOf).join('');
  const organizations = Object.entries(organizationEndings)
    .map(([act, ending]: [string, { tokens: string; until?: string }]) => row(act, [ending.tokens, ending.until]))
    .join('');
  return head + columns + rows + tail + protocols + organizationHead + organizations;
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'sessions.md'), sessionsPage());

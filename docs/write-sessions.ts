// Writes docs/sessions.md from the table of what acts end: npm run docs:sessions
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, endings, engineEndings } from '#oidc/module.ts';

const head = `# What ends sessions and tokens

An act that takes power away from a user, or from an intruder, ends what the user holds, in the transaction of the act: when it is
answered, sessions, grants, opaque access tokens and refresh tokens are dead on every node. JWT access tokens are good until they expire
where no API introspects them. Relying parties of an ended session are told by back-channel logout
([decision 10](decisions/010-tokens-end-with-their-session.md)). What the table does not name goes on.

This page is made from \`src/oidc/sessions/access-revocation.ts\` by \`npm run docs:sessions\`.

`;

const columns = `| act | sessions | grants and tokens | open sign-ins | links and codes | trusted browsers | known browsers | passkey challenges |
|---|---|---|---|---|---|---|---|
`;

const tail = `
- Grants and tokens are authorization codes, access tokens and refresh tokens. Those of a session end with it unless they were asked for
  with \`offline_access\`; "all" ends these too.
- Open sign-ins have proved something and are not finished, or are finished and the browser has not followed the last redirect.
- Proofs are all links and codes but those that take power away from an intruder: the link that takes an email address back and "This was
  not me" ([decision 18](decisions/018-undo-links-depend-on-their-address.md)).
- A trusted browser is not asked for the second factor. A known browser has its own counter of wrong passwords.
- Passkey challenges are questions to an authenticator that wait for an answer, in a sign-in or on the page that adds a passkey. Each is
  also bound to its sign-in or session and is worth nothing after it.
- Erasing an account also deletes the records of its sessions, grants and tokens.
- \`latchkey user require-password\` ends nothing before the next sign-in has set the password.

## By the protocols

| act | sessions | grants and tokens |
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
  return head + columns + rows + tail + Object.entries(engineEndings).map(engineRowOf).join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'sessions.md'), sessionsPage());

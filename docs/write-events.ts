// Writes docs/events.md from the catalogue of event types: npm run docs:events
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventTypeRow, gravities } from '#audit/module.ts';
import { eventTypes } from '#app/event-types.ts';

const head = `# Events

Every act that changes something, and every refusal that an operator may have to look into, leaves one event in the audit log, in the
transaction of the act. This page lists all types of events. It is made from the \`events.ts\` files of the slices by
\`npm run docs:events\`.

An event has an id, a time, a type, an actor, and as far as they apply a subject, an organization, a client, a session, the IP address,
browser and id of the request, an outcome (\`success\` or \`failure\`), and the details of its type. Details hold no secrets. They, the
address and the browser are taken away when a user is erased; that something happened stays.

- **Seen by**: the operator of the instance, administrators of the organization, or the owner of the account. The person
  sees it on the activity page of the account.
- **Letter**: the mail that informs the owner of the account, a folder and a name below \`views\`. The letter about a sign-in is sent
  when the [assessment](risk.md) says so, all others always.
- **Webhook**: whether webhooks may carry it. They never carry what a visitor without an account can cause at will.
- **CAEP, RISC**: the event of [OpenID CAEP 1.0](https://openid.net/specs/openid-caep-1_0-final.html) or
  [OpenID RISC 1.0](https://openid.net/specs/openid-risc-1_0-final.html) that it corresponds to.

| gravity | meaning |
|---|---|
`;

const capitalized = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const columns = `| type | what happened | details | seen by | gravity | letter | webhook | CAEP, RISC |
|---|---|---|---|---|---|---|---|
`;

const none = '–';
const code = (text: string): string => `\`${text}\``;

/** `RISC account-disabled`, with the URI behind it in the head of the page. */
const signalOf = (uri: string): string => {
  const [, profile = '', name = ''] = /\/secevent\/(\w+)\/event-type\/([a-z-]+)$/.exec(uri) ?? [];
  return `${profile.toUpperCase()} ${name}`;
};

const rowOf = ({ name, text, details, audience, gravity, letter, webhook, caep }: EventTypeRow): string =>
  `| ${[
    code(name),
    text,
    Object.keys(details.shape).map(code).join(', ') || none,
    audience.join(', '),
    gravity,
    letter === null ? none : code(letter),
    webhook ? 'yes' : 'no',
    caep === null ? none : signalOf(caep),
  ].join(' | ')} |\n`;

/** The text of docs/events.md. */
export function eventsPage(): string {
  const grave = Object.entries(gravities)
    .map(([gravity, meaning]) => `| ${gravity} | ${meaning} |\n`)
    .join('');
  const nouns = Map.groupBy(
    eventTypes.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ({ name }) => name.slice(0, name.indexOf('.')),
  );
  const tables = [...nouns].map(
    ([noun, rows]) => `\n## ${capitalized(noun.replaceAll('_', ' '))}\n\n${columns}${rows.map(rowOf).join('')}`,
  );
  return head + grave + tables.join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'events.md'), eventsPage());

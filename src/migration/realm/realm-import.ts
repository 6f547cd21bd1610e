import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import { readPeople } from '../files/formats.ts';
import { type ImportSummary, type RunResult, runImport } from '../files/import-run.ts';
import { readRealms } from '../files/json-document.ts';
import { FileProblem, type Numbered } from '../files/numbered.ts';
import { requireText } from '../files/text.ts';
import { isObject, type Members, textIn } from '../sources/members.ts';
import { MOST_SHOWN_PROBLEMS } from '../limits.ts';
import { assign, bringRealm, type RealmOutcome, type RealmResult } from './realm-run.ts';

type Counts = Record<RealmOutcome, number>;
export type RealmSummary = {
  realm: string;
  dry_run: boolean;
  roles: Counts;
  groups: Counts;
  assignments: Counts;
  clients: Counts;
  /** Users in all files. */
  users: Omit<ImportSummary, 'dry_run' | 'refusals' | 'warnings'>;
  refusals: object[];
  warnings: object[];
};

type Run = {
  /** Files of one realm: with the realm, and with its users where they are separate. */
  paths: readonly string[];
  ask: RunOperation;
  update: boolean;
  dryRun: boolean;
  usernames: boolean;
  encoding: string | undefined;
  report: (result: RealmResult | RunResult) => void;
  progress: (summary: ImportSummary) => void;
};

/** Throws FileProblem for files of several realms, or of none. */
export async function importRealm({
  paths,
  ask,
  update,
  dryRun,
  usernames,
  encoding,
  ...told
}: Run): Promise<RealmSummary> {
  const { realm, withUsers } = await readRealm(paths, encoding);
  const summary = emptySummary(realm, dryRun);
  const report = (result: RealmResult): void => {
    count(summary, result);
    told.report(result);
  };
  const { accessOf, clients } = await bringRealm(realm, { ask, dryRun, update, report });
  const services = new Map<string, string[]>();
  for (const path of withUsers) {
    const people = readPeople(path, { format: 'keycloak', hash: {}, usernames, encoding, accessOf });
    const users = await runImport({
      people: noting(people, { services, dryRun }),
      ask,
      update,
      dryRun,
      report: told.report,
      progress: told.progress,
    });
    add(summary, users);
  }
  for (const [client, roles] of services)
    if (clients.has(client) && !dryRun)
      for (const role of roles) await assign({ client_id: client }, role, { to: client, ask, report });
  if (withUsers.length === 0)
    summary.warnings.push({
      warning: 'users: the files have none; kc.sh export writes them, the admin console does not',
    });
  return summary;
}

async function readRealm(
  paths: readonly string[],
  encoding: string | undefined,
): Promise<{ realm: Members; withUsers: string[] }> {
  const withUsers: string[] = [];
  let realm: Members = {};
  const names = new Set<string>();
  for (const path of paths) {
    await requireText(path, encoding);
    for (const part of await readRealms(path, encoding)) {
      if ('users' in part && !withUsers.includes(path)) withUsers.push(path);
      const { users: _users, ...others } = part;
      realm = { ...realm, ...others };
      const name = textIn(part, 'realm');
      if (name !== undefined) names.add(name);
    }
  }
  if (names.size === 0) throw new FileProblem('this is no realm of Keycloak');
  if (names.size > 1) throw new FileProblem(`these are the realms ${[...names].join(', ')}: import them one by one`);
  return { realm, withUsers };
}

/** Remembers the roles of clients. In a dry run there are no roles and groups yet that users could get. */
async function* noting(
  people: AsyncIterable<Numbered>,
  { services, dryRun }: { services: Map<string, string[]>; dryRun: boolean },
): AsyncGenerator<Numbered> {
  for await (const person of people) {
    const { record, service } = person;
    if (service !== undefined && isObject(record) && Array.isArray(record['roles']))
      services.set(service, record['roles'].map(String));
    if (!dryRun || !isObject(record)) yield person;
    else {
      const { roles: _roles, groups: _groups, ...others } = record;
      yield { ...person, record: others };
    }
  }
}

const none = (): Counts => ({ created: 0, exists: 0, refused: 0, skipped: 0 });

function emptySummary(realm: Members, dryRun: boolean): RealmSummary {
  return {
    realm: textIn(realm, 'realm') ?? '',
    dry_run: dryRun,
    roles: none(),
    groups: none(),
    assignments: none(),
    clients: none(),
    users: { lines: 0, created: 0, updated: 0, unchanged: 0, exists: 0, refused: 0, skipped: 0 },
    refusals: [],
    warnings: [],
  };
}

const lists = { role: 'roles', group: 'groups', assignment: 'assignments', client: 'clients' } as const;

function count(summary: RealmSummary, { kind, name, outcome, reason, warnings = [] }: RealmResult): void {
  summary[lists[kind]][outcome] += 1;
  if (outcome === 'refused' || outcome === 'skipped')
    summary[outcome === 'refused' ? 'refusals' : 'warnings'].push({ [kind]: name, [outcome]: reason });
  for (const warning of warnings) summary.warnings.push({ [kind]: name, warning });
}

function add(summary: RealmSummary, { refusals, warnings, dry_run: _same, ...counts }: ImportSummary): void {
  for (const [name, value] of Object.entries(counts)) summary.users[name as keyof typeof counts] += value;
  summary.refusals.push(...refusals.slice(0, MOST_SHOWN_PROBLEMS));
  summary.warnings.push(...warnings.slice(0, MOST_SHOWN_PROBLEMS));
}

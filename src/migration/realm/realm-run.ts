/** Brings the roles, groups and clients of a realm here, by the same operations as an operator would. */
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import { FileProblem } from '../files/numbered.ts';
import type { AccessNames } from '../sources/keycloak.ts';
import type { Members } from '../sources/members.ts';
import { LISTED_AT_ONCE, MOST_REFUSED_MEMBERS } from '../limits.ts';
import { readAccess } from './realm-access.ts';
import { readClients, type RealmClient } from './realm-clients.ts';

export type RealmOutcome = 'created' | 'exists' | 'refused' | 'skipped';
export type RealmResult = {
  kind: 'role' | 'group' | 'client' | 'assignment';
  name: string;
  outcome: RealmOutcome;
  reason?: string;
  warnings?: readonly string[];
};
type Report = (result: RealmResult) => void;
type Page = Readonly<Record<string, unknown>> & { next_cursor: string | null };
/** `update`: also give roles to groups and clients that were here before. */
type How = { ask: RunOperation; dryRun: boolean; update: boolean; report: Report };

/**
 * Creates what is not here yet, and changes nothing of what is. Answers with the names of roles and groups of users, and with the
 * clients that may get roles.
 */
export async function bringRealm(
  realm: Members,
  how: How,
): Promise<{ accessOf: AccessNames; clients: ReadonlySet<string> }> {
  const roles = await all(how.ask, 'roles.list', 'roles');
  const builtIn = roles.filter((role) => role['built_in'] === true).map(({ name }) => String(name));
  const access = readAccess(realm, new Set(builtIn));
  await bringRoles(access.roles, new Set(roles.map(({ name }) => String(name))), how);
  await bringGroups(access.groups, how);
  const clients = new Set<string>();
  for (const client of readClients(realm)) {
    const outcome = await bringClient(client, how);
    if (outcome === 'created' || (outcome === 'exists' && how.update)) clients.add(client.clientId);
  }
  return { accessOf: access.accessOf, clients };
}

type Access = ReturnType<typeof readAccess>;

async function bringRoles(
  roles: Access['roles'],
  here: ReadonlySet<string>,
  { ask, dryRun, report }: How,
): Promise<void> {
  for (const { warnings, ...role } of roles) {
    const about = { kind: 'role', name: role.name, ...(warnings.length > 0 ? { warnings } : {}) } as const;
    if (here.has(role.name)) report({ ...about, outcome: 'exists' });
    else
      report({
        ...about,
        ...(dryRun ? { outcome: 'created' } : await outcomeOf(ask, 'roles.create', { input: role })),
      });
  }
}

async function bringGroups(groups: Access['groups'], { ask, dryRun, update, report }: How): Promise<void> {
  const here = new Map((await all(ask, 'groups.list', 'groups')).map(({ name, id }) => [String(name), String(id)]));
  for (const { name, parent, roles, warnings } of groups) {
    const about = { kind: 'group', name, ...(warnings.length > 0 ? { warnings } : {}) } as const;
    const isHere = here.has(name);
    const above = parent === null ? [] : [here.get(parent)].filter((id) => id !== undefined);
    if (isHere || dryRun) report({ ...about, outcome: isHere ? 'exists' : 'created' });
    else {
      const answer = await ask('groups.create', { input: { name, parents: above } });
      if (answer.ok) here.set(name, String((answer.result as { id: unknown }).id));
      report({ ...about, ...(answer.ok ? { outcome: 'created' } : { outcome: 'refused', reason: answer.message }) });
    }
    const groupId = here.get(name);
    if (groupId === undefined || dryRun || (isHere && !update)) continue;
    for (const role of roles) await assign({ group_id: groupId }, role, { to: name, ask, report });
  }
}

/** Gives a role to a group or to a client that acts for itself. */
export async function assign(
  subject: { group_id: string } | { client_id: string },
  role: string,
  { to, ask, report }: { to: string; ask: RunOperation; report: Report },
): Promise<void> {
  const outcome = await outcomeOf(ask, 'assignments.create', { input: { ...subject, role } });
  report({ kind: 'assignment', name: `${role} to ${to}`, ...outcome });
}

const HERE = new Set(['assignments.exists', 'roles.name_taken', 'groups.name_taken', 'clients.client_id_taken']);

async function outcomeOf(
  ask: RunOperation,
  operation: string,
  given: Parameters<RunOperation>[1],
): Promise<Pick<RealmResult, 'outcome' | 'reason'>> {
  const answer = await ask(operation, given);
  if (answer.ok) return { outcome: 'created' };
  return HERE.has(answer.code) ? { outcome: 'exists' } : { outcome: 'refused', reason: answer.message };
}

async function bringClient(
  client: ReturnType<typeof readClients>[number],
  { ask, dryRun, report }: How,
): Promise<RealmOutcome> {
  const result = await clientOutcome(client, { ask, dryRun });
  report({ kind: 'client', name: client.clientId, ...result });
  return result.outcome;
}

type ClientOutcome = Omit<RealmResult, 'kind' | 'name'>;

async function clientOutcome(
  client: ReturnType<typeof readClients>[number],
  { ask, dryRun }: Pick<How, 'ask' | 'dryRun'>,
): Promise<ClientOutcome> {
  if ('skipped' in client) return { outcome: 'skipped', reason: client.skipped };
  if ((await ask('clients.read', { params: { client_id: client.clientId } })).ok) return { outcome: 'exists' };
  return dryRun ? { outcome: 'created', warnings: client.warnings } : create(ask, client);
}

/** A member that is refused is left out and said, as long as the client can be without it. */
async function create(ask: RunOperation, client: RealmClient): Promise<ClientOutcome> {
  const input = { ...client.input };
  const warnings = [...client.warnings];
  for (let tries = 0; ; tries += 1) {
    const answer = await ask('clients.create', { input });
    if (answer.ok) {
      if (client.isDisabled) await ask('clients.disable', { params: { client_id: client.clientId } });
      return { outcome: 'created', ...(warnings.length > 0 ? { warnings } : {}) };
    }
    const problems = Object.entries((answer.details ?? {}) as Readonly<Record<string, unknown>>);
    const isMended =
      tries < MOST_REFUSED_MEMBERS &&
      answer.code === 'clients.metadata_invalid' &&
      problems.map(([member, problem]) => leaveOut(input, member, String(problem), warnings)).some(Boolean);
    if (!isMended)
      return answer.code === 'clients.client_id_taken'
        ? { outcome: 'exists' }
        : { outcome: 'refused', reason: answer.message };
  }
}

const NEEDED = new Set(['client_id', 'type', 'grant_types', 'response_types', 'token_endpoint_auth_method']);

/** Of a list of addresses the one that is named. */
function leaveOut(input: Record<string, unknown>, path: string, problem: string, warnings: string[]): boolean {
  const [member = ''] = (path === 'client_name' ? 'name' : path).split('.');
  const value = input[member];
  if (value === undefined || NEEDED.has(member)) return false;
  if (member === 'name') {
    if (value === input['client_id']) return false;
    input['name'] = input['client_id'];
    warnings.push(`name: left out: ${problem}`);
    return true;
  }
  const [, quoted] = /^holds ("(?:[^"\\]|\\.)*"), which /.exec(problem) ?? [];
  const address: unknown = quoted === undefined ? undefined : JSON.parse(quoted);
  const rest = Array.isArray(value) && address !== undefined ? value.filter((each) => each !== address) : [];
  if (member === 'redirect_uris' && rest.length === 0) return false;
  if (rest.length > 0) input[member] = rest;
  else delete input[member];
  warnings.push(`${member}: left out: ${problem}`);
  return true;
}

/** Every item of a list, page after page. Throws FileProblem where the caller may not read it. */
async function all(ask: RunOperation, operation: string, items: string): Promise<Members[]> {
  const found: Members[] = [];
  let cursor: string | undefined;
  do {
    const answer = await ask(operation, {
      input: { limit: LISTED_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) },
    });
    if (!answer.ok) throw new FileProblem(answer.message);
    const page = answer.result as Page;
    found.push(...(page[items] as Members[]));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/**
 * Every statement on data of organizations names the organization: read from the source, so that a new statement is held against
 * the rule before it ever runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const typeScriptIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** Tables with the column of an organization, from the statements that make them. The audit log reads by its own rules. */
const tables = new Set(
  typeScriptIn('migrations')
    .flatMap((file) => [
      ...readFileSync(join(root, 'migrations', file), 'utf8').matchAll(/create table (\w+) \(([^`]*)`/g),
    ])
    .filter(([, name, columns]) => /\borganization_id\b/.test(columns!) && !name!.startsWith('audit_'))
    .map(([, name]) => name!),
);

/** Statements that name no organization, by file and table: how many, and why they need not. */
const exceptions: Readonly<Record<string, readonly [count: number, why: string]>> = {
  'directory/access/ended-assignments.ts role_assignment': [1, 'the job that removes assignments that have ended'],
  'directory/access/explain.ts role': [1, 'roles that were read for the user and the place'],
  'directory/access/role-graph.ts role': [2, 'follows ids of roles and groups that were found in their place'],
  'directory/access/role-graph.ts role_assignment': [1, 'the permissions of a group in all its places'],
  'directory/access/role-service.ts role': [1, 'columns of a role, for statements that name the place'],
  'directory/access/owners.ts role_assignment': [1, 'organizations with owners by a role or a group of the instance'],
  'directory/organizations/membership.ts organization': [1, 'the organizations of one user'],
  'directory/organizations/membership.ts organization_member': [1, 'the organizations of one user'],
  'connections/connection-tests.ts connection': [1, 'the connection of one link'],
  'directory/domains/domain-checks.ts organization_domain': [1, 'a domain has one owner among all organizations'],
  'directory/domains/known-domains.ts organization_domain': [1, 'finds the organization that owns a domain'],
  'directory/invitations/invitation-service.ts organization_invitation': [1, 'the job that removes old ones of all'],
  'directory/invitations/invited-people.ts organization': [
    1,
    'the invitation of one link or of the addresses of one user',
  ],
  'directory/invitations/invited-people.ts organization_invitation': [
    1,
    'the invitation of one link or of the addresses of one user',
  ],
  'directory/organizations/creators.ts organization': [1, 'counts what one user created'],
  'directory/organizations/known-organizations.ts organization_slug': [1, 'finds the organization of a slug'],
  'directory/organizations/member-service.ts organization': [2, 'the organizations of one user'],
  'directory/organizations/member-service.ts organization_member': [2, 'the organizations of one user'],
  'directory/organizations/organization-closing.ts organization': [1, 'the job that erases those whose days are over'],
  'directory/organizations/organization-service.ts organization': [2, 'the list of all, and the one of a slug'],
  'directory/organizations/organization-service.ts organization_slug': [2, 'finds the organization of a slug'],
  'directory/organizations/memberships.ts organization': [1, 'the organizations of one user'],
  'directory/organizations/memberships.ts organization_member': [
    2,
    'the organizations of one user, and the condition of a list of users',
  ],
  'sign-in/organization/organization-choice.ts organization_choice': [1, 'the choice of one user for one client'],
};

type Node = { type: string; start: number; end: number };
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
const childrenOf = (node: Node): Node[] => (Object.values(node) as unknown[]).flat().filter(isNode);
const nodesOf = (node: Node): Node[] => [node, ...childrenOf(node).flatMap(nodesOf)];

const named = /\b(?:from|join|into|update|using)\s+"?([a-z_]+)"?/g;
const byValue = String.raw`(= (\?|\$\d)|in \(|= any\(|is null|is not distinct from)`;
/** It inserts the id of an organization, or compares with one. The table of organizations itself has it as its own id. */
const namesOrganization = ({ table, statement }: { table: string; statement: string }): boolean =>
  new RegExp(String.raw`\binsert into \w+( as \w+)? \([^)]*\b${idOf(table)}\b`).test(statement) ||
  new RegExp(String.raw`\b${idOf(table)} ${byValue}`).test(statement);
const idOf = (table: string): string => (table === 'organization' ? '(?<!_)id' : 'organization_id');

/** The SQL of a file: texts and templates that name such a table. */
function statementsOf(file: string): { table: string; statement: string }[] {
  const text = readFileSync(join(root, 'src', file), 'utf8');
  return nodesOf(parseSync(file, text).program as unknown as Node)
    .filter(({ type }) => type === 'TemplateLiteral' || type === 'Literal')
    .map(({ start, end }) => text.slice(start, end))
    .filter((literal) => /\b(select|insert|update|delete)\b/.test(literal))
    .flatMap((statement) =>
      [...new Set([...statement.matchAll(named)].map(([, table]) => table!))]
        .filter((table) => tables.has(table) || table === 'organization')
        .map((table) => ({ table, statement })),
    );
}

const found = typeScriptIn('src').flatMap((file) => statementsOf(file).map((each) => ({ file, ...each })));

describe('statements on data of organizations', () => {
  test('are found', () => {
    expect(tables.size).toBeGreaterThan(5);
    expect(new Set(found.map(({ table }) => table))).toEqual(new Set([...tables, 'organization']));
  });

  test('name the organization, or stand in the list of those that need not', () => {
    const without = new Map<string, string[]>();
    for (const each of found.filter((statement) => !namesOrganization(statement))) {
      const place = `${each.file} ${each.table}`;
      without.set(place, [...(without.get(place) ?? []), each.statement]);
    }
    const unexpected = [...without].filter(([place, list]) => list.length > (exceptions[place]?.[0] ?? 0));
    expect(unexpected).toEqual([]);
    const stale = Object.entries(exceptions).filter(([place, [count]]) => (without.get(place) ?? []).length < count);
    expect(stale).toEqual([]);
  });

  test.each([
    ['select 1 from organization_member where user_id = $1', false],
    ['select organization_id, user_id from organization_member where user_id = ?', false],
    ['select m.organization_id = o.id from organization_member m join organization o on true', false],
    ['delete from organization_member where organization_id = ? and user_id = ?', true],
    ['insert into organization_member (organization_id, user_id) values (?, ?)', true],
    ['insert into organization_member (user_id) values (?)', false],
  ])('%s: %s', (statement, named) =>
    expect(namesOrganization({ table: 'organization_member', statement })).toBe(named),
  );
});

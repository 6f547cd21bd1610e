import { z } from 'zod';
import { LONGEST_IDENTIFIER, MOST_GROUP_ROLES, MOST_ROLES } from './limits.ts';

const roleNames = z.array(z.string().min(1).max(LONGEST_IDENTIFIER)).max(MOST_ROLES);

/** Members of a connection of an organization about users who come by it, as operations have them. */
export const membershipShape = {
  default_roles: roleNames.describe('Role of new members who come by the connection; default: TENANT_USER'),
  group_roles: z
    .record(z.string().min(1).max(LONGEST_IDENTIFIER), roleNames)
    .refine((groups) => Object.keys(groups).length <= MOST_GROUP_ROLES, `must have at most ${MOST_GROUP_ROLES} groups`)
    .describe('Roles of the members of groups at the provider, as {"engineering": ["TENANT_MANAGER"]}'),
  updates_users: z
    .boolean()
    .describe('Names and roles of groups follow the provider at each sign-in; otherwise the first sign-in decides'),
} as const;
export const membershipMembers = {
  default_roles: 'defaultRoles',
  group_roles: 'groupRoles',
  updates_users: 'updatesUsers',
} as const;

/** The same, as a connection stores them. Roles stand here by their names, as in memberships and invitations. */
export type MembershipSettings = {
  defaultRoles?: readonly string[];
  groupRoles?: Readonly<Record<string, readonly string[]>>;
  updatesUsers?: boolean;
};

/** How users of a connection become members of its organization. */
export type MembershipRules = {
  defaultRoles: readonly string[];
  groupRoles: ReadonlyMap<string, readonly string[]>;
  followsProvider: boolean;
};

/** The role of users who have no other: the least one. */
const LEAST_ROLE = 'TENANT_USER';

/** The rules of a connection, with the default values. */
export const membershipRulesOf = ({
  defaultRoles = [LEAST_ROLE],
  groupRoles = {},
  updatesUsers = true,
}: MembershipSettings): MembershipRules => ({
  defaultRoles,
  groupRoles: new Map(Object.entries(groupRoles)),
  followsProvider: updatesUsers,
});

/** Every role that the connection may give. */
export const givenRoles = ({ defaultRoles = [], groupRoles = {} }: MembershipSettings): readonly string[] => [
  ...new Set([...defaultRoles, ...Object.values(groupRoles).flat()]),
];

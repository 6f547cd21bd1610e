/** Operations on roles, groups and assignments come twice: on the instance, and on one organization. */
import type { z } from 'zod';
import type { CommandShape } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { Place } from './access-scope.ts';

/** Where the operations are: the start of their names, their further parameter and their permissions. */
export type OperationPlace = {
  named<Name extends `${string}.${string}`>(name: Name): Name | `organizations.${Name}`;
  /** Without the parameter, the value is missing and the place is the instance. */
  params: { organization_id: z.ZodType<Place, string> };
  read: string;
  readMembers: string;
  manage: string;
  /** The words of the command, on the instance and on an organization, and how its members are given. */
  command(onInstance: string, onOrganization: string, shape?: Omit<CommandShape, 'words'>): CommandShape;
};

export const onInstance: OperationPlace = {
  named: (name) => name,
  params: {} as OperationPlace['params'],
  read: 'access.read',
  readMembers: 'access.read',
  manage: 'access.manage',
  command: (words, _other, shape) => ({ ...shape, words }),
};

export const onOrganization: OperationPlace = {
  named: (name) => `organizations.${name}`,
  params: { organization_id: idSchema('org') },
  read: 'organization.read',
  readMembers: 'organization.members.read',
  manage: 'organization.roles.manage',
  command: (_other, words, shape) => ({
    ...shape,
    words: `organization ${words}`,
    ...(shape?.arguments ? { arguments: { organization_id: { flags: '<organization_id>' }, ...shape.arguments } } : {}),
  }),
};

/** The place that the parameters name. */
export const placeOf = ({ organization_id: id }: { organization_id: Place | undefined }): Place => id ?? null;

/** A member that may be missing, with its description. */
export const optionally = <Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> =>
  schema.optional().describe(schema.description ?? '');

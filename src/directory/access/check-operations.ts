/** Questions of services about permissions: may this subject do that, and by which way. */
import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { memberNotFound, organizationNotFound } from '#directory/organizations/errors.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema, timeSchema } from '#kernel/operations/schemas.ts';
import type { AccessCheck, Question } from './access-check.ts';
import type { Explanations, Way } from './explain.ts';
import { MOST_CHECKS } from './limits.ts';
import { onInstance, onOrganization, type OperationPlace, placeOf } from './operation-place.ts';

type Services = { check: Pick<AccessCheck, 'isAllowed'>; explanations: Pick<Explanations, 'explain'> };

const permission = z
  .string()
  .min(1)
  .max(2200)
  .describe('Permission: a built-in one, or a scope of an API as "https://api.example.com read"');
const subject = {
  user_id: idSchema('usr').optional().describe('User id'),
  client_id: z.string().max(255).optional().describe('Id of a machine client'),
};
const question = z
  .strictObject({
    ...subject,
    token: z.string().max(8192).optional().describe('Access token of the subject, instead of its id'),
    permission,
    organization_id: idSchema('org')
      .optional()
      .describe('Organization; without it the instance, or the organization of the token'),
  })
  .refine((given) => [given.user_id, given.client_id, given.token].filter((id) => id !== undefined).length === 1, {
    path: ['user_id'],
    error: 'must be given, or client_id, or token, and only one of them',
  });
const answer = z.strictObject({ allowed: z.boolean() });

const asQuestion = (given: z.output<typeof question>): Question => ({
  userId: given.user_id,
  clientId: given.client_id,
  token: given.token,
  permission: given.permission,
  organizationId: given.organization_id,
});

const checkAccess = operation({
  name: 'access.check',
  permission: 'access.check',
  input: question,
  output: answer,
  isQuestion: true,
  description:
    'Answer whether a user, a machine client or the subject of an access token has a permission now, on the instance or in an organization.',
  example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q', permission: 'organization.members.manage' },
  command: { words: 'access check' },
  run: async (given, _by: By, { check }: Services) => ({ allowed: await check.isAllowed(asQuestion(given)) }),
});

const checkBatch = operation({
  name: 'access.check_batch',
  permission: 'access.check',
  input: z.strictObject({
    checks: z.array(question).min(1).max(MOST_CHECKS).describe('Questions, each as access.check takes one'),
  }),
  output: z.strictObject({ results: z.array(answer) }),
  isQuestion: true,
  description: 'Answer up to 100 questions about permissions, in their order.',
  example: {
    checks: [{ user_id: 'usr_01h455vb4pex5vsknk084sn02q', permission: 'organization.members.manage' }],
  },
  command: { words: 'access check-batch' },
  run: async ({ checks }, _by: By, { check }: Services) => ({
    results: await Promise.all(checks.map(async (each) => ({ allowed: await check.isAllowed(asQuestion(each)) }))),
  }),
});

const named = z.strictObject({ id: z.string(), name: z.string() });
const waySchema = z.strictObject({
  assignment_id: z.string(),
  organization_id: z.string().nullable().describe('Null for an assignment on the instance'),
  expires_at: timeSchema.nullable(),
  groups: z.array(named).describe('From the group that the user is in, to the group that has the role'),
  roles: z.array(named).describe('From the assigned role to the role that carries the permission'),
});

function explainOn(place: OperationPlace) {
  return operation({
    name: place.named('access.explain'),
    permission: place.readMembers,
    params: place.params,
    input: z
      .strictObject({ ...subject, permission })
      .refine((given) => (given.user_id === undefined) !== (given.client_id === undefined), {
        path: ['user_id'],
        error: 'must be given, or client_id, and not both',
      }),
    output: z.strictObject({ allowed: z.boolean(), ways: z.array(waySchema) }),
    errors: place === onOrganization ? [memberNotFound, organizationNotFound] : [],
    isQuestion: true,
    description: 'Show by which assignments, groups and roles a permission comes to a user or a machine client.',
    example: { user_id: 'usr_01h455vb4pex5vsknk084sn02q', permission: 'organization.members.manage' },
    command: place.command('access explain', 'explain-access'),
    run: async (
      { user_id: userId, client_id: clientId, permission: asked, ...given },
      by: By,
      { explanations }: Services,
    ) => {
      const of =
        userId === undefined ? ({ kind: 'client', id: clientId! } as const) : ({ kind: 'user', id: userId } as const);
      const { allowed, ways } = await explanations.explain(asked, of, placeOf(given), by);
      return { allowed, ways: ways.map(wayOnWire) };
    },
  });
}

const wayOnWire = ({ assignmentId, organizationId, expiresAt, groups, roles }: Way): z.input<typeof waySchema> => ({
  assignment_id: assignmentId,
  organization_id: organizationId,
  expires_at: expiresAt?.toISOString() ?? null,
  groups: [...groups],
  roles: [...roles],
});

export const checkOperations = [checkAccess, checkBatch, explainOn(onInstance), explainOn(onOrganization)];

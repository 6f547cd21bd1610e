import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import { idSchema } from '#kernel/operations/schemas.ts';
import { settingInvalid } from '#settings/errors.ts';
import { jsonOrWord } from '#settings/operations.ts';
import { organizationNotFound } from './errors.ts';
import { organizationPolicyChanged } from './events.ts';
import type { PolicyService } from './policy-service.ts';

type Services = { policy: Pick<PolicyService, 'read' | 'set'> };

const sectionsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));
const policySchema = z.object({
  demands: z.record(z.string(), z.unknown()).describe('Demands of the organization beyond the policy of the instance'),
  in_force: sectionsSchema.describe('Policy of the instance with these demands: the strictest value wins'),
});
const organizationId = idSchema('org');

const readPolicy = operation({
  name: 'organizations.policy.read',
  permission: 'organization.read',
  params: { organization_id: organizationId },
  output: policySchema,
  errors: [organizationNotFound],
  description: 'Show the policy of an organization: its own demands, and the policy in force for its members.',
  command: { words: 'organization show-policy' },
  run: async ({ organization_id: id }, _by: By, { policy }: Services) => shown(await policy.read(id)),
});

const updatePolicy = operation({
  name: 'organizations.policy.update',
  permission: 'organization.policy.manage',
  params: {
    organization_id: organizationId,
    name: z.string().max(64).describe('Section and member, such as mfa.enforcement'),
  },
  input: z.strictObject({
    value: z.unknown().describe('Value, as JSON or as a plain word; null takes the demand back'),
  }),
  output: policySchema,
  errors: [organizationNotFound, settingInvalid],
  event: organizationPolicyChanged,
  description:
    'Change one demand of an organization, which is named by its section and member, such as mfa.enforcement. A value that is less strict than the policy of the instance has no effect.',
  example: { value: 'required' },
  command: {
    words: 'organization set-policy',
    arguments: {
      organization_id: { flags: '<organization>' },
      name: { flags: '<name>' },
      value: { flags: '<value>', read: jsonOrWord },
    },
  },
  run: async ({ organization_id: id, name, value }, by: By, { policy }: Services) =>
    shown(await policy.set(id, name, value, by)),
});

const shown = ({ demands, inForce }: Awaited<ReturnType<PolicyService['read']>>) => ({ demands, in_force: inForce });

export const organizationPolicyOperations = [readPolicy, updatePolicy];

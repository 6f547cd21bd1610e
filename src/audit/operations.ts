import { z } from 'zod';
import { operation } from '#kernel/operations/operation.ts';
import type { AuditLog } from './audit-log.ts';
import type { By } from './by.ts';

type Services = { audit: Pick<AuditLog, 'verify'> };

const verifyAudit = operation({
  name: 'audit.verify',
  permission: 'audit.read',
  output: z.looseObject({ intact: z.boolean() }),
  description: 'Verify the chain of the audit log.',
  run: async (_given, _by: By, { audit }: Services) => audit.verify(),
});

export const auditOperations = [verifyAudit];

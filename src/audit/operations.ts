import { z } from 'zod';
import { operation } from '#kernel/operations/operation.ts';
import type { By } from './by.ts';
import type { Checkpoints } from './checkpoint.ts';
import { checkpointRefused, monthRefused, notIntact } from './errors.ts';
import { auditMonthsDropped } from './events.ts';
import type { AuditRetention } from './retention.ts';
import type { AuditVerifier } from './verifier.ts';

type Services = {
  verifier: Pick<AuditVerifier, 'verify'>;
  checkpoints: Pick<Checkpoints, 'make'>;
  retention: Pick<AuditRetention, 'drop'>;
};

const chains = z.record(z.string(), z.strictObject({ sequence: z.string(), seal: z.string() }));

const verifyAudit = operation({
  name: 'audit.verify',
  permission: 'audit.read',
  input: z.strictObject({
    checkpoints: z.string().optional().describe('Compare with the checkpoints in this file too, one a line'),
  }),
  output: z.strictObject({
    intact: z.boolean(),
    events: z.int().describe('Events whose seal was recomputed'),
    chains: z.int(),
    unsealed: z.int().describe('Events that wait for their seal'),
    oldest_unsealed_seconds: z.int().nullable().describe('How long the oldest of them waits'),
    checkpoints: z.int().describe('Checkpoints that were compared'),
    checkpoint_age_seconds: z.int().nullable().describe('How long ago the newest of them was made'),
    events_after_checkpoint: z.int().nullable().describe('Sealed events that none of them covers'),
    problems: z.array(z.strictObject({ chain: z.string(), sequence: z.string().nullable(), problem: z.string() })),
  }),
  errors: [notIntact, checkpointRefused],
  isQuestion: true,
  description: 'Verify the seals of the audit log. Refused with the first wrong event when it was changed.',
  example: {},
  command: { options: { checkpoints: { flags: '--checkpoint <file>', isFile: true } } },
  run: async ({ checkpoints }, _by: By, { verifier }: Services) => {
    const report = await verifier.verify(checkpoints === undefined ? {} : { checkpoints });
    if (!report.intact) throw notIntact(report);
    return report;
  },
});

const makeCheckpoint = operation({
  name: 'audit.checkpoint',
  permission: 'audit.read',
  output: z.strictObject({ checkpoint: z.string().describe('JWS in compact form') }),
  description: 'Print where the audit log ends now, signed. audit verify --checkpoint reads what this prints.',
  run: async (_given, _by: By, { checkpoints }: Services) => ({ checkpoint: (await checkpoints.make()).checkpoint }),
});

const dropMonths = operation({
  name: 'audit.drop',
  permission: 'audit.manage',
  input: z.strictObject({ before: z.string().describe('First month that stays, such as 2026-01') }),
  output: z.strictObject({ before: z.string(), chains }),
  errors: [monthRefused],
  event: auditMonthsDropped,
  description: 'Remove the months before one from the audit log for good.',
  example: { before: '2026-01' },
  run: async ({ before }, by: By, { retention }: Services) => retention.drop(before, by),
});

export const auditOperations = [verifyAudit, makeCheckpoint, dropMonths];

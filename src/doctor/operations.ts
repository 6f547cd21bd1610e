import { z } from 'zod';
import type { By } from '#audit/module.ts';
import { operation } from '#kernel/operations/operation.ts';
import type { Report } from './doctor.ts';

type Services = { examine(): Promise<Report> };

const reportSchema = z.strictObject({
  status: z.enum(['ok', 'warning', 'failed']).describe('The worst of all'),
  findings: z.array(
    z.strictObject({
      name: z.string(),
      status: z.enum(['ok', 'warning', 'failed']),
      message: z.string(),
      next: z.string().nullable().describe('The next step; null for what is well'),
    }),
  ),
});

/** The command prints the report in its own way (main/cli-doctor.ts), and also where no database opens. */
const examineInstance = operation({
  name: 'instance.check',
  permission: 'settings.read',
  output: reportSchema,
  isQuestion: true,
  description:
    'Examine the installation: configuration, database, clock, mail, the issuer from here, certificates, keys, and settings that are less safe than the defaults.',
  command: false,
  run: async (_given, _by: By, { examine }: Services) => {
    const { status, findings } = await examine();
    return { status, findings: findings.map((finding) => ({ next: null, ...finding })) };
  },
});

export const doctorOperations = [examineInstance];

import { errorType } from '#kernel/errors.ts';

/** 422: a checkpoint that says nothing about this installation: damaged, signed with another key, or of another issuer. */
export const checkpointRefused = errorType({
  code: 'audit.checkpoint_refused',
  status: 422,
  message: (line: number, reason: string) => `The checkpoint in line ${line} cannot be used: ${reason}.`,
});

type Report = { problems: readonly { chain: string; sequence: string | null; problem: string }[] };

/** 409: the audit log is not what was written. The details are the whole report. */
export const notIntact = errorType({
  code: 'audit.not_intact',
  status: 409,
  message: ({ problems: [first] }: Report) => {
    const number = first?.sequence ? `, number ${first.sequence}` : '';
    return `The audit log was changed. Chain ${first?.chain}${number}: ${first?.problem}`;
  },
  details: (report: Report) => report,
});

/** 422: these months cannot be removed from the audit log. */
export const monthRefused = errorType({
  code: 'audit.month_refused',
  status: 422,
  message: (reason: string) => reason,
});

export const eventNotFound = errorType({
  code: 'audit.event_not_found',
  status: 404,
  message: 'The audit log has no such event.',
});

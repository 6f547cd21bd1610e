import { setTimeout as delay } from 'node:timers/promises';
import { SECOND } from '#kernel/clock.ts';
import { describeError } from '#kernel/log.ts';
import type { Finding, Look } from './finding.ts';
import { LONGEST_LOOK } from './limits.ts';

export type Report = { status: Finding['status']; findings: readonly Finding[] };

/** Looks at all parts at once, each by itself: one that throws is a finding. The order is the one given. */
export async function examine(looks: Readonly<Record<string, Look>>, longest = LONGEST_LOOK): Promise<Report> {
  const found = await Promise.all(Object.entries(looks).map(([name, look]) => findingsOf(name, look, longest)));
  const findings = found.flat();
  return { status: worst(findings), findings };
}

/** The status of a whole report. */
function worst(findings: readonly Pick<Finding, 'status'>[]): Finding['status'] {
  const has = (status: Finding['status']) => findings.some((finding) => finding.status === status);
  return has('failed') ? 'failed' : has('warning') ? 'warning' : 'ok';
}

async function findingsOf(name: string, look: Look, longest: number): Promise<Finding[]> {
  const ended = new AbortController();
  const late = delay(longest, undefined, { signal: ended.signal, ref: false }).then((): Finding[] => [
    {
      name,
      status: 'failed',
      message: `No answer within ${longest / SECOND} seconds.`,
      next: 'Look at the network between.',
    },
  ]);
  // Aborted when the look was faster.
  late.catch(() => undefined);
  try {
    return await Promise.race([Promise.resolve().then(look), late]);
  } catch (error) {
    return [{ name, status: 'failed', message: describeError(error), next: 'Mend it, and run doctor again.' }];
  } finally {
    ended.abort();
  }
}

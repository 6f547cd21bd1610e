import { DAY } from '#kernel/clock.ts';
import { endOf } from './certificate.ts';
import { WARNING_DAYS } from './limits.ts';
import type { ServiceProvider, SpCertificate } from './service-provider.ts';

type Uses = Pick<ServiceProvider, 'certificates' | 'encrypts'>;

/**
 * When the application runs out of certificates for a use: an older one with a successor needs no warning. Null where nothing is
 * signed or encrypted with certificates.
 */
export function endOfCertificates({ certificates }: Uses): Date | null {
  const ends = (['signing', 'encryption'] as const).flatMap((use) => {
    const own = certificates.filter((each) => each.use === 'both' || each.use === use);
    return own.length === 0 ? [] : [Math.max(...own.map((each: SpCertificate) => endOf(each).getTime()))];
  });
  return ends.length === 0 ? null : new Date(Math.min(...ends));
}

/** The warning that is due: 30, 7, 1 or 0 days before the end; null where there is time. */
export function dueWarning(end: Date | null, now: Date): number | null {
  if (end === null) return null;
  const left = end.getTime() - now.getTime();
  if (left <= 0) return 0;
  return WARNING_DAYS.find((days) => left <= days * DAY) ?? null;
}

/** One sentence for the list of operators. */
export function warningsOf(provider: Uses, now: Date): readonly string[] {
  const end = endOfCertificates(provider);
  const due = dueWarning(end, now);
  if (end === null || due === null) return [];
  const day = end.toISOString().slice(0, 10);
  return due === 0
    ? [`Its certificates ended on ${day}. Add the new ones of the application.`]
    : [`Its certificates end on ${day}. Add the new ones of the application before that day.`];
}

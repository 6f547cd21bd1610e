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

/** Whether its metadata say nothing any more (SAML V2.0 Metadata §2.3.2). */
export const isOver = ({ validUntil }: Pick<ServiceProvider, 'validUntil'>, now: Date): boolean =>
  validUntil instanceof Date && validUntil <= now;

type Warned = Uses & Pick<ServiceProvider, 'validUntil' | 'problem'>;

/** Sentences for the list of operators. */
export function warningsOf(provider: Warned, now: Date): readonly string[] {
  return [...certificateWarnings(provider, now), ...metadataWarnings(provider, now)];
}

function certificateWarnings(provider: Uses, now: Date): readonly string[] {
  const end = endOfCertificates(provider);
  const due = dueWarning(end, now);
  if (end === null || due === null) return [];
  const day = dayOf(end);
  return due === 0
    ? [`Its certificates ended on ${day}. Add the new ones of the application.`]
    : [`Its certificates end on ${day}. Add the new ones of the application before that day.`];
}

function metadataWarnings(provider: Warned, now: Date): readonly string[] {
  const { validUntil, problem } = provider;
  const over =
    validUntil && isOver(provider, now)
      ? [`Its metadata ended on ${dayOf(validUntil)}, and users cannot sign in. Give newer metadata.`]
      : [];
  return problem ? [...over, `Its metadata cannot be read again: ${problem}.`] : over;
}

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

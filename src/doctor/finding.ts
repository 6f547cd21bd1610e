import { WARNED_DAYS } from './limits.ts';

/** One line of the report: what was looked at, and whether it is well. */
export type Finding = {
  /** One or two words, such as `signing keys`. */
  name: string;
  /** `warning`: it works, and an operator should know. `failed`: something does not work. */
  status: 'ok' | 'warning' | 'failed';
  message: string;
  /** The next step; none for what is well. */
  next?: string;
};

/** Looks at one part of the installation, and changes nothing. A slice gives one for what it owns. */
export type Look = () => Finding[] | Promise<Finding[]>;

/** Whole days, rounded down. */
const daysUntil = (end: Date, now: Date): number => Math.floor((end.getTime() - now.getTime()) / 86_400_000);

/** A certificate ends: `failed` when it has, `warning` in the last days. */
export function ofCertificate(name: string, end: Date, now: Date, next: string): Finding {
  const days = daysUntil(end, now);
  const day = end.toISOString().slice(0, 10);
  if (end <= now) return { name, status: 'failed', message: `The certificate ended on ${day}.`, next };
  if (days < WARNED_DAYS)
    return { name, status: 'warning', message: `The certificate ends on ${day}, in ${days} days.`, next };
  return { name, status: 'ok', message: `The certificate is valid until ${day}.` };
}

import { CLOCK_SKEW, MESSAGE_LIFETIME } from './limits.ts';
import type { CheckRefusal } from './refusal.ts';

type Expected = Readonly<{
  now: Date;
  /** The entity id of the party whose certificates verified the message. */
  issuer: string;
  /** The URL that received the message. */
  destination: string;
}>;

type MessageHead = Readonly<{
  version: string;
  issuer: string | null;
  destination: string | null;
  issueInstant: Date;
  /** Requests to sign in may be unsigned; other requests and their answers are signed always. */
  isSigned?: boolean;
  inResponseTo?: string | null;
  notOnOrAfter?: Date | null;
}>;

/** Whether a request, or an answer to a request to sign out, is from the right party, for this URL and of this time. */
export function checkMessage(
  message: MessageHead,
  expected: Expected & { inResponseTo?: string },
): Readonly<{ kind: 'accepted' }> | Readonly<{ kind: 'refused'; reason: CheckRefusal }> {
  const reason =
    headProblem(message, expected) ??
    windowProblem({ notBefore: null, notOnOrAfter: message.notOnOrAfter ?? null }, expected.now) ??
    (expected.inResponseTo !== undefined && message.inResponseTo !== expected.inResponseTo ? 'in_response_to' : null);
  return reason === null ? { kind: 'accepted' } : { kind: 'refused', reason };
}

/** The first wrong one of the members that all messages have. */
export function headProblem(
  { version, issuer, destination, issueInstant, isSigned = true }: MessageHead,
  expected: Expected,
): CheckRefusal | null {
  if (version !== '2.0') return 'version';
  if (issuer !== expected.issuer) return 'issuer';
  // Demanded of a signed message (SAML Bindings §3.4.5.2 and §3.5.5.2).
  if (destination === null ? isSigned : destination !== expected.destination) return 'destination';
  return ageProblem(issueInstant, expected.now);
}

/** Whether a message is from the future, or older than a browser takes. */
export function ageProblem(issued: Date, now: Date): CheckRefusal | null {
  const isFuture = issued > later(now, CLOCK_SKEW);
  return isFuture || issued <= later(now, -MESSAGE_LIFETIME - CLOCK_SKEW) ? 'issue_instant' : null;
}

/** Whether the time is outside of what the message allows, by more than clocks differ. */
export function windowProblem(
  { notBefore, notOnOrAfter }: { notBefore: Date | null; notOnOrAfter: Date | null },
  now: Date,
): CheckRefusal | null {
  if (notBefore && notBefore > later(now, CLOCK_SKEW)) return 'not_yet_valid';
  return notOnOrAfter && notOnOrAfter <= later(now, -CLOCK_SKEW) ? 'expired' : null;
}

/** The time some milliseconds afterwards. */
export function later(time: Date, milliseconds: number): Date {
  return new Date(time.getTime() + milliseconds);
}

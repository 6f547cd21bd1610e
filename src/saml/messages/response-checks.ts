import { MESSAGE_LIFETIME, CLOCK_SKEW, LONGEST_CONDITIONS } from './limits.ts';
import { ageProblem, headProblem, later, windowProblem } from './message-checks.ts';
import type { Attribute, AuthnStatement, NameId, ResponseMessage, SubjectConfirmation } from './message.ts';
import { bearer, statuses } from './names.ts';
import type { CheckRefusal } from './refusal.ts';

export type ExpectedResponse = Readonly<{
  now: Date;
  /** The entity id of the identity provider. */
  issuer: string;
  /** Our entity id. */
  audience: string;
  /** The URL that received the response. */
  destination: string;
  /** The id of our request; null where the identity provider began the sign-in. */
  inResponseTo: string | null;
}>;

export type AcceptedResponse = Readonly<{
  kind: 'accepted';
  assertionId: string;
  nameId: NameId;
  attributes: readonly Attribute[];
  authnInstant: Date;
  sessionIndex: string | null;
  sessionNotOnOrAfter: Date | null;
  contextClass: string | null;
  /** Until then the same assertion could be accepted again, so its id is remembered. */
  replayableUntil: Date;
}>;

type CheckedResponse = AcceptedResponse | Readonly<{ kind: 'refused'; reason: CheckRefusal }>;

/**
 * The rules of the web browser profile for a verified response (SAML Profiles §4.1.4.3). Members outside the assertion may be unsigned;
 * they can only refuse.
 */
export function checkResponse(response: ResponseMessage, expected: ExpectedResponse): CheckedResponse {
  const { assertion } = response;
  const [statement] = assertion.authnStatements;
  const reason =
    messageProblem(response, expected) ??
    conditionsProblem(response, expected) ??
    subjectProblem(response, expected) ??
    statementProblem(assertion.authnStatements, expected.now);
  if (reason !== null) return { kind: 'refused', reason };
  if (assertion.nameId === null) return { kind: 'refused', reason: 'no_subject' };
  if (!statement) return { kind: 'refused', reason: 'no_authn_statement' };
  return {
    kind: 'accepted',
    assertionId: assertion.id,
    nameId: assertion.nameId,
    attributes: assertion.attributes,
    authnInstant: statement.authnInstant,
    sessionIndex: statement.sessionIndex,
    sessionNotOnOrAfter: statement.sessionNotOnOrAfter,
    contextClass: statement.contextClass,
    replayableUntil: later(assertion.issueInstant, MESSAGE_LIFETIME + CLOCK_SKEW),
  };
}

function messageProblem(response: ResponseMessage, expected: ExpectedResponse): CheckRefusal | null {
  const { assertion } = response;
  if (response.status.code !== statuses.success) return 'status';
  if (assertion.version !== '2.0') return 'version';
  if (assertion.issuer !== expected.issuer) return 'assertion_issuer';
  if (response.inResponseTo !== expected.inResponseTo)
    return expected.inResponseTo === null ? 'unsolicited' : 'in_response_to';
  // A response may have no issuer, an assertion must have one.
  const head = headProblem({ ...response, issuer: response.issuer ?? expected.issuer }, expected);
  return head ?? ageProblem(assertion.issueInstant, expected.now);
}

function conditionsProblem({ assertion }: ResponseMessage, expected: ExpectedResponse): CheckRefusal | null {
  const { conditions, issueInstant } = assertion;
  if (!conditions?.notOnOrAfter) return 'no_conditions';
  const problem = windowProblem(conditions, expected.now);
  if (problem !== null) return problem;
  const begin = conditions.notBefore ?? issueInstant;
  if (conditions.notOnOrAfter.getTime() - begin.getTime() > LONGEST_CONDITIONS) return 'lifetime';
  if (conditions.audienceRestrictions.length === 0) return 'no_audience';
  const isOurs = conditions.audienceRestrictions.every((audiences) => audiences.includes(expected.audience));
  return isOurs ? null : 'audience';
}

/** One confirmation must hold completely. Of several wrong ones, the first says why. */
function subjectProblem({ assertion }: ResponseMessage, expected: ExpectedResponse): CheckRefusal | null {
  if (assertion.nameId === null) return 'no_subject';
  const bearers = assertion.confirmations.filter(({ method }) => method === bearer);
  const problems = bearers.map((confirmation) => confirmationProblem(confirmation, expected));
  if (problems.length === 0) return 'no_bearer';
  return problems.includes(null) ? null : (problems[0] ?? null);
}

function confirmationProblem(confirmation: SubjectConfirmation, expected: ExpectedResponse): CheckRefusal | null {
  if (confirmation.recipient !== expected.destination) return 'recipient';
  if (confirmation.notOnOrAfter === null) return 'no_bearer';
  if (confirmation.inResponseTo !== expected.inResponseTo)
    return expected.inResponseTo === null ? 'unsolicited' : 'in_response_to';
  return windowProblem(confirmation, expected.now);
}

function statementProblem(statements: readonly AuthnStatement[], now: Date): CheckRefusal | null {
  const [statement] = statements;
  if (!statement) return 'no_authn_statement';
  if (statement.authnInstant > later(now, CLOCK_SKEW)) return 'authn_instant';
  const isOver = statements.some(({ sessionNotOnOrAfter: end }) => end !== null && end <= now);
  return isOver ? 'session_over' : null;
}

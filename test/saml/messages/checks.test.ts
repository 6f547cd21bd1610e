import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';
import {
  type Assertion,
  bindings,
  checkMessage,
  checkResponse,
  type LogoutRequestMessage,
  type ResponseMessage,
  statuses,
} from '#saml/messages/module.ts';
import { acs, alice, expectedResponse, idp, sp } from '../../support/saml-messages.ts';

const now = new Date('2026-03-01T10:00:00Z');
const at = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);

const assertion: Assertion = {
  id: '_assertion',
  version: '2.0',
  issueInstant: now,
  issuer: idp,
  nameId: alice,
  confirmations: [
    {
      method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
      recipient: acs,
      notBefore: null,
      notOnOrAfter: at(5 * MINUTE),
      inResponseTo: '_request',
    },
  ],
  conditions: { notBefore: at(-MINUTE), notOnOrAfter: at(5 * MINUTE), audienceRestrictions: [[sp]] },
  authnStatements: [{ authnInstant: now, sessionIndex: '_session', sessionNotOnOrAfter: null, contextClass: null }],
  attributes: [],
};
const response: ResponseMessage = {
  id: '_response',
  version: '2.0',
  issueInstant: now,
  issuer: idp,
  destination: acs,
  inResponseTo: '_request',
  status: { code: statuses.success, subcode: null, message: null },
  isSigned: false,
  isAssertionSigned: true,
  isEncrypted: false,
  assertion,
};
const [confirmation] = assertion.confirmations as [Assertion['confirmations'][number]];
const [statement] = assertion.authnStatements as [Assertion['authnStatements'][number]];
const { conditions } = assertion;

const withAssertion = (over: Partial<Assertion>): ResponseMessage => ({
  ...response,
  assertion: { ...assertion, ...over },
});
const confirmed = (over: object) => withAssertion({ confirmations: [{ ...confirmation, ...over }] });
const conditioned = (over: object) => withAssertion({ conditions: { ...conditions!, ...over } });
const stated = (over: object) => withAssertion({ authnStatements: [{ ...statement, ...over }] });
const unsolicited = {
  ...response,
  inResponseTo: null,
  assertion: { ...assertion, confirmations: [{ ...confirmation, inResponseTo: null }] },
};

describe('a response is refused', () => {
  test.each<[string, ResponseMessage, string]>([
    ['of another version', { ...response, version: '1.1' }, 'version'],
    ['with an assertion of another version', withAssertion({ version: '1.1' }), 'version'],
    ['without success', { ...response, status: { ...response.status, code: statuses.responder } }, 'status'],
    ['of another issuer', { ...response, issuer: 'https://evil.example' }, 'issuer'],
    ['with an assertion of another issuer', withAssertion({ issuer: 'https://evil.example' }), 'assertion_issuer'],
    ['for another URL', { ...response, destination: 'https://other.example/acs' }, 'destination'],
    ['that is signed and for no URL', { ...response, destination: null, isSigned: true }, 'destination'],
    ['to another request', { ...response, inResponseTo: '_other' }, 'in_response_to'],
    ['to no request', { ...response, inResponseTo: null }, 'in_response_to'],
    ['that is older than ten minutes', { ...response, issueInstant: at(-11 * MINUTE) }, 'issue_instant'],
    ['from the future', { ...response, issueInstant: at(61 * SECOND) }, 'issue_instant'],
    ['with an assertion of yesterday', withAssertion({ issueInstant: at(-24 * HOUR) }), 'issue_instant'],
    ['without conditions', withAssertion({ conditions: null }), 'no_conditions'],
    ['with conditions without an end', conditioned({ notOnOrAfter: null }), 'no_conditions'],
    ['that ended 60 seconds ago', conditioned({ notOnOrAfter: at(-60 * SECOND) }), 'expired'],
    ['that begins in 61 seconds', conditioned({ notBefore: at(61 * SECOND) }), 'not_yet_valid'],
    ['that lives for 25 hours', conditioned({ notOnOrAfter: at(25 * HOUR) }), 'lifetime'],
    ['without an audience', conditioned({ audienceRestrictions: [] }), 'no_audience'],
    ['for another audience', conditioned({ audienceRestrictions: [['https://other.example']] }), 'audience'],
    [
      'for us and, in addition, for others only',
      conditioned({ audienceRestrictions: [[sp], ['https://other.example']] }),
      'audience',
    ],
    ['for an audience whose name begins like ours', conditioned({ audienceRestrictions: [[`${sp}/`]] }), 'audience'],
    ['without a subject', withAssertion({ nameId: null }), 'no_subject'],
    ['without a confirmation', withAssertion({ confirmations: [] }), 'no_bearer'],
    [
      'with a confirmation by a key',
      confirmed({ method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' }),
      'no_bearer',
    ],
    ['with a confirmation without an end', confirmed({ notOnOrAfter: null }), 'no_bearer'],
    ['for another recipient', confirmed({ recipient: 'https://other.example/acs' }), 'recipient'],
    ['for no recipient', confirmed({ recipient: null }), 'recipient'],
    ['with a confirmation that ended', confirmed({ notOnOrAfter: at(-61 * SECOND) }), 'expired'],
    ['with a confirmation that begins later', confirmed({ notBefore: at(61 * SECOND) }), 'not_yet_valid'],
    ['with a confirmation of another request', confirmed({ inResponseTo: '_other' }), 'in_response_to'],
    ['with a confirmation of no request', confirmed({ inResponseTo: null }), 'in_response_to'],
    ['without a sign-in', withAssertion({ authnStatements: [] }), 'no_authn_statement'],
    ['with a sign-in of the future', stated({ authnInstant: at(61 * SECOND) }), 'authn_instant'],
    ['of a session that is over', stated({ sessionNotOnOrAfter: now }), 'session_over'],
  ])('%s', (_name, changed, reason) => {
    expect(checkResponse(changed, expectedResponse(now))).toEqual({ kind: 'refused', reason });
  });

  test.each<[string, ResponseMessage]>([
    ['to a request', response],
    ['only in its confirmation to a request', { ...unsolicited, inResponseTo: '_request' }],
    ['only in its head to a request', { ...response, inResponseTo: null }],
  ])('%s, where the identity provider begins', (_name, changed) => {
    expect(checkResponse(changed, expectedResponse(now, { inResponseTo: null }))).toEqual({
      kind: 'refused',
      reason: 'unsolicited',
    });
  });
});

describe('a response is accepted', () => {
  test.each<[string, ResponseMessage]>([
    ['as it should be', response],
    [
      'without an issuer and a destination of its own, if the assertion is signed',
      { ...response, issuer: null, destination: null },
    ],
    ['within 60 seconds after its end', conditioned({ notOnOrAfter: at(-59 * SECOND) })],
    ['within 60 seconds before its begin', conditioned({ notBefore: at(59 * SECOND) })],
    ['with the hour of Entra ID', conditioned({ notBefore: at(-5 * MINUTE), notOnOrAfter: at(HOUR) })],
    ['for us and others', conditioned({ audienceRestrictions: [['https://other.example', sp]] })],
    [
      'with one confirmation of two',
      withAssertion({ confirmations: [{ ...confirmation, recipient: 'https://x' }, confirmation] }),
    ],
    ['of a session that goes on', stated({ sessionNotOnOrAfter: at(HOUR) })],
  ])('%s', (_name, changed) => {
    expect(checkResponse(changed, expectedResponse(now))).toMatchObject({
      kind: 'accepted',
      assertionId: '_assertion',
      nameId: alice,
      replayableUntil: at(11 * MINUTE),
    });
  });

  test('that nobody asked for, where the identity provider begins', () => {
    expect(checkResponse(unsolicited, expectedResponse(now, { inResponseTo: null }))).toMatchObject({
      kind: 'accepted',
    });
  });
});

describe('a request to sign out', () => {
  const request: LogoutRequestMessage = {
    id: '_logout',
    version: '2.0',
    issueInstant: now,
    issuer: sp,
    destination: `${idp}/slo`,
    nameId: alice,
    sessionIndexes: [],
    notOnOrAfter: at(MINUTE),
    reason: null,
  };
  const expected = { now, issuer: sp, destination: `${idp}/slo` };
  test.each<[string, object, string]>([
    ['of another version', { version: '1.1' }, 'version'],
    ['of another party', { issuer: 'https://evil.example' }, 'issuer'],
    ['of no party', { issuer: null }, 'issuer'],
    ['for another URL', { destination: bindings.post }, 'destination'],
    ['for no URL', { destination: null }, 'destination'],
    ['of an hour ago', { issueInstant: at(-HOUR) }, 'issue_instant'],
    ['that ended', { notOnOrAfter: at(-MINUTE) }, 'expired'],
  ])('%s is refused', (_name, over, reason) => {
    expect(checkMessage({ ...request, ...over }, expected)).toEqual({ kind: 'refused', reason });
  });

  test('is answered to the one who asked', () => {
    const answer = { ...request, inResponseTo: '_logout', notOnOrAfter: null };
    expect(checkMessage(answer, { ...expected, inResponseTo: '_logout' })).toEqual({ kind: 'accepted' });
    expect(checkMessage(answer, { ...expected, inResponseTo: '_other' })).toEqual({
      kind: 'refused',
      reason: 'in_response_to',
    });
    expect(checkMessage({ ...request, destination: null, isSigned: false }, expected)).toEqual({ kind: 'accepted' });
  });
});

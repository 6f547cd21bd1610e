import {
  type AssertionContent,
  attributeNameFormats,
  authnContexts,
  type ExpectedResponse,
  issueResponse,
  type NameId,
  nameIdFormats,
  type Protection,
  type Received,
  type ResponseContent,
} from '#saml/messages/module.ts';
import { MINUTE } from '#kernel/clock.ts';

/** The parties of the tests of messages. */
export const idp = 'https://idp.example/saml';
export const sp = 'https://sp.example/saml';
export const acs = 'https://sp.example/saml/acs';

export const alice: NameId = {
  value: 'alice@idp.example',
  format: nameIdFormats.emailAddress,
  nameQualifier: null,
  spNameQualifier: null,
};

export function assertionContent(now: Date, over: Partial<AssertionContent> = {}): AssertionContent {
  return {
    nameId: alice,
    audiences: [sp],
    notBefore: new Date(now.getTime() - MINUTE),
    notOnOrAfter: new Date(now.getTime() + 5 * MINUTE),
    authnInstant: now,
    sessionIndex: '_session',
    contextClass: authnContexts.passwordProtectedTransport,
    attributes: [{ name: 'mail', nameFormat: attributeNameFormats.basic, friendlyName: null, values: [alice.value] }],
    ...over,
  };
}

export function responseContent(now: Date, over: Partial<ResponseContent> = {}): ResponseContent {
  return {
    issuer: idp,
    destination: acs,
    issueInstant: now,
    inResponseTo: '_request',
    assertion: assertionContent(now),
    ...over,
  };
}

/** The XML of an answer of the identity provider: its assertion is signed unless said otherwise. */
export async function response(
  now: Date,
  protection: Pick<Protection, 'key'> & Partial<Protection>,
  over: Partial<ResponseContent> = {},
): Promise<string> {
  const { xml } = await issueResponse(responseContent(now, over), {
    signsAssertion: true,
    signsResponse: false,
    ...protection,
  });
  return xml;
}

export function posted(xml: string): Received & { binding: 'post' } {
  return { binding: 'post', value: Buffer.from(xml).toString('base64') };
}

export function redirected(url: string): Received {
  return { binding: 'redirect', query: url.slice(url.indexOf('?') + 1) };
}

export function expectedResponse(now: Date, over: Partial<ExpectedResponse> = {}): ExpectedResponse {
  return { now, issuer: idp, audience: sp, destination: acs, inResponseTo: '_request', ...over };
}

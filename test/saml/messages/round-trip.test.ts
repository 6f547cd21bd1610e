import { afterAll, describe, expect, test } from 'vitest';
import {
  type AcceptedResponse,
  type Assertion,
  type Attribute,
  attributeNameFormats,
  type AuthnRequestMessage,
  authnContexts,
  bindings,
  buildAuthnRequest,
  buildLogoutRequest,
  buildLogoutResponse,
  buildMetadata,
  type CertificateFacts,
  checkMessage,
  checkResponse,
  createMessages,
  type Endpoint,
  type EntityMetadata,
  encryptAssertion,
  type IdentityProviderMetadata,
  type LogoutRequestMessage,
  type LogoutResponseMessage,
  type MessageReader,
  type MetadataContent,
  nameIdFormats,
  postForm,
  type Read,
  readCertificate,
  redirectUrl,
  type Refusal,
  type ResponseMessage,
  type ServiceProviderMetadata,
  signXml,
  soapEnvelope,
  type Status,
  statuses,
} from '#saml/messages/module.ts';
import { samlKey } from '../../support/saml-keys.ts';
import {
  acs,
  alice,
  assertionContent,
  expectedResponse,
  idp,
  posted,
  redirected,
  response,
  sp,
} from '../../support/saml-messages.ts';

const now = new Date('2026-03-01T10:00:00Z');
const [key, other, peer] = await Promise.all([samlKey(), samlKey(), samlKey()]);
const reader: MessageReader = createMessages();
afterAll(() => reader.close());

/** The value of a message that must have been verified. */
function verified<Value>(read: Pick<Read<Value>, 'kind'>): Value {
  expect(read).toMatchObject({ kind: 'verified' });
  return (read as unknown as { value: Value }).value;
}

describe('a response', () => {
  test.each([
    ['with a signed assertion', { signsAssertion: true, signsResponse: false }, {}],
    ['signed twice', { signsAssertion: true, signsResponse: true }, { isResponseSigned: true }],
    ['signed itself', { signsAssertion: false, signsResponse: true }, { isAssertionSigned: false }],
    [
      'with an encrypted assertion that is signed',
      { signsAssertion: true, signsResponse: false, encryptionCertificate: peer.certificate },
      {},
    ],
    [
      'signed itself around an encrypted assertion',
      { signsAssertion: false, signsResponse: true, encryptionCertificate: peer.certificate },
      { isAssertionSigned: false },
    ],
  ])('%s is read with the key that signed it, the older or the newer one', async (_name, protection, demands) => {
    const xml = await response(now, { key, ...protection });
    const read = await reader.readResponse(posted(xml), {
      certificates: [other.certificate, key.certificate],
      decryptionKeys: [other.privateKey, peer.privateKey],
      ...demands,
    });
    const value: ResponseMessage = verified(read);
    const assertion: Assertion = value.assertion;
    expect(assertion.nameId).toEqual(alice);
    expect(value).toMatchObject({
      isSigned: protection.signsResponse,
      isAssertionSigned: protection.signsAssertion,
      isEncrypted: 'encryptionCertificate' in protection,
    });
    const accepted = checkResponse(value, expectedResponse(now)) as AcceptedResponse;
    expect(accepted).toMatchObject({
      kind: 'accepted',
      nameId: alice,
      sessionIndex: '_session',
      assertionId: assertion.id,
    });
    expect(accepted.replayableUntil.getTime()).toBeGreaterThan(now.getTime());
  });

  test('holds values of users as texts, without the characters that XML does not have', async () => {
    const values = ['x</saml:AttributeValue><saml:Attribute Name="role">', '&lt;', 'ä 𝄞', 'a\u{0}b'];
    const attributes: Attribute[] = [
      { name: 'name', nameFormat: attributeNameFormats.basic, friendlyName: '"<', values },
    ];
    const xml = await response(now, { key }, { assertion: assertionContent(now, { attributes }) });
    const { assertion } = verified<ResponseMessage>(
      await reader.readResponse(posted(xml), { certificates: [key.certificate] }),
    );
    expect(assertion.attributes).toEqual([{ ...attributes[0], values: [...values.slice(0, 3), 'ab'] }]);
  });

  test('without success says why', async () => {
    const status: Status = { code: statuses.responder, subcode: statuses.noPassive, message: 'Not signed in' };
    const xml = await response(now, { key, signsResponse: true }, { assertion: null, status });
    const reason: Refusal = 'status';
    expect(await reader.readResponse(posted(xml), { certificates: [key.certificate] })).toEqual({
      kind: 'refused',
      reason,
      status,
      relayState: null,
    });
  });
});

describe('a request to sign in', () => {
  const { id, xml } = buildAuthnRequest({
    issuer: sp,
    destination: `${idp}/sso`,
    issueInstant: now,
    assertionConsumerServiceUrl: acs,
    forceAuthn: true,
    nameIdFormat: nameIdFormats.persistent,
    contextClasses: [authnContexts.multiFactor],
    loginHint: alice,
  });
  const wanted: Partial<AuthnRequestMessage> = {
    id,
    issuer: sp,
    forceAuthn: true,
    isPassive: false,
    assertionConsumerServiceUrl: acs,
    protocolBinding: bindings.post,
    subject: alice,
    nameIdPolicy: { format: nameIdFormats.persistent, spNameQualifier: null, allowCreate: true },
    requestedAuthnContext: { comparison: 'exact', classes: [authnContexts.multiFactor] },
  };
  const sent = { parameter: 'SAMLRequest', xml, relayState: 'state & more' } as const;

  test('by a redirect is signed with its query', async () => {
    const url = await redirectUrl(`${idp}/sso?tenant=1`, sent, key);
    expect(url).toMatch(
      /^https:\/\/idp\.example\/saml\/sso\?tenant=1&SAMLRequest=.*&RelayState=.*&SigAlg=.*&Signature=/,
    );
    const read = await reader.readAuthnRequest(redirected(url.replace('tenant=1&', '')), {
      certificates: [key.certificate],
      isSigned: true,
    });
    expect(read.relayState).toBe('state & more');
    const value: AuthnRequestMessage = verified(read);
    expect(value).toMatchObject({ ...wanted, isSigned: true });
    expect(checkMessage(value, { now, issuer: sp, destination: `${idp}/sso` })).toEqual({ kind: 'accepted' });
  });

  test('by a form is signed itself, or not at all', async () => {
    const { action, fields } = postForm(`${idp}/sso`, { ...sent, xml: await signXml(xml, key) });
    expect([action, fields['RelayState']]).toEqual([`${idp}/sso`, 'state & more']);
    const signed = { binding: 'post', value: fields['SAMLRequest'] ?? '' } as const;
    expect(
      verified(await reader.readAuthnRequest(signed, { certificates: [key.certificate], isSigned: true })),
    ).toMatchObject({ ...wanted, isSigned: true });
    expect(verified(await reader.readAuthnRequest(posted(xml), { certificates: [], isSigned: false }))).toMatchObject({
      ...wanted,
      isSigned: false,
    });
  });
});

describe('signing out', () => {
  const request = buildLogoutRequest({
    issuer: sp,
    destination: `${idp}/slo`,
    issueInstant: now,
    nameId: alice,
    sessionIndexes: ['_session'],
    notOnOrAfter: new Date('2026-03-01T10:05:00Z'),
  });
  const answer = buildLogoutResponse({
    issuer: idp,
    destination: `${sp}/slo`,
    issueInstant: now,
    inResponseTo: request.id,
    status: { code: statuses.success, subcode: statuses.partialLogout, message: null },
  });
  const demands = { certificates: [key.certificate], isSigned: true };

  test('is asked for by a form, a redirect or the back channel', async () => {
    const signed = await signXml(request.xml, key);
    const url = await redirectUrl(`${idp}/slo`, { parameter: 'SAMLRequest', xml: request.xml, relayState: null }, key);
    for (const received of [
      posted(signed),
      redirected(url),
      { binding: 'soap', body: soapEnvelope(signed) } as const,
    ]) {
      const value: LogoutRequestMessage = verified(await reader.readLogoutRequest(received, demands));
      expect(value).toMatchObject({ id: request.id, issuer: sp, nameId: alice, sessionIndexes: ['_session'] });
      expect(checkMessage(value, { now, issuer: sp, destination: `${idp}/slo` })).toEqual({ kind: 'accepted' });
    }
  });

  test('is answered with a status', async () => {
    const body = soapEnvelope(await signXml(answer.xml, key));
    const value: LogoutResponseMessage = verified(await reader.readLogoutResponse({ binding: 'soap', body }, demands));
    expect(value).toMatchObject({ inResponseTo: request.id, status: { subcode: statuses.partialLogout } });
    const expected = { now, issuer: idp, destination: `${sp}/slo`, inResponseTo: request.id };
    expect(checkMessage(value, expected)).toEqual({ kind: 'accepted' });
  });
});

describe('metadata', () => {
  const slo: Endpoint = { binding: bindings.redirect, location: `${sp}/slo`, responseLocation: null };
  const keys = { signingCertificates: [key.certificate, other.certificate], encryptionCertificates: [key.certificate] };
  const content = {
    entityId: sp,
    validUntil: new Date('2026-04-01T00:00:00Z'),
    serviceProvider: {
      ...keys,
      singleLogoutServices: [slo],
      nameIdFormats: [nameIdFormats.persistent],
      assertionConsumerServices: [
        { binding: bindings.post, location: acs, responseLocation: null, index: 0, isDefault: true },
      ],
      authnRequestsSigned: true,
      wantAssertionsSigned: true,
      service: {
        name: 'Latchkey',
        requestedAttributes: [{ name: 'mail', nameFormat: null, friendlyName: null, isRequired: true }],
      },
    },
    identityProvider: {
      ...keys,
      singleLogoutServices: [slo],
      nameIdFormats: [nameIdFormats.emailAddress],
      singleSignOnServices: [{ binding: bindings.post, location: `${idp}/sso`, responseLocation: null }],
      wantAuthnRequestsSigned: false,
    },
  } satisfies MetadataContent;

  test('are read as they were written, signed or not, with comments of people', async () => {
    const xml = buildMetadata(content).replace('<md:IDP', '<!-- our own --><md:IDP');
    const read: EntityMetadata = verified(await reader.readMetadata(xml, { now }));
    const { service, ...serviceProvider } = content.serviceProvider;
    const wantedProvider: ServiceProviderMetadata = {
      ...serviceProvider,
      requestedAttributes: service.requestedAttributes,
    };
    const wantedIdentityProvider: IdentityProviderMetadata = content.identityProvider;
    expect(read).toEqual({
      entityId: sp,
      validUntil: content.validUntil,
      isSigned: false,
      serviceProvider: wantedProvider,
      identityProvider: wantedIdentityProvider,
    });
    const signed = await signXml(buildMetadata(content).replace('<md:EntityDescriptor ', '$&ID="_m" '), key);
    const demands = { now, certificates: [key.certificate] };
    expect(verified(await reader.readMetadata(signed, demands))).toMatchObject({ entityId: sp, isSigned: true });
    expect(await reader.readMetadata(xml, demands)).toEqual({ kind: 'refused', reason: 'unsigned' });
  });
});

test('a certificate is read as PEM and as the text of metadata', () => {
  const facts: CertificateFacts | null = readCertificate(key.certificate);
  expect(facts).toMatchObject({ subject: 'CN=peer', key: { type: 'rsa', bits: 2048 }, isStrong: true });
  const body = key.certificate.replaceAll(/-----[A-Z ]+-----/g, '');
  expect(readCertificate(body)).toEqual(facts);
  expect(readCertificate('bm9uZQ==')).toBeNull();
});

test('an assertion is encrypted for one certificate', async () => {
  const encrypted = await encryptAssertion('<a/>', peer.certificate);
  expect(encrypted).toMatch(/aes256-gcm.*rsa-oaep-mgf1p/s);
});

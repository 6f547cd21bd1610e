import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import {
  buildAuthnRequest,
  buildLogoutRequest,
  createMessages,
  type Received,
  redirectUrl,
  signXml,
} from '#saml/messages/module.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { encryptedAs, sentBy, signedBy, wrapped, wrappingNames } from '../../support/saml-forger.ts';
import { acs, alice, assertionContent, idp, posted, redirected, response, sp } from '../../support/saml-messages.ts';

const now = new Date('2026-03-01T10:00:00Z');
const [key, attacker, ours, curve, weak] = await Promise.all([
  samlKey(),
  samlKey(),
  samlKey(),
  samlKey('P-256'),
  samlKey('RSA 1024'),
]);
const reader = createMessages();
afterAll(() => reader.close());

const genuine = await response(now, { key });
const unsigned = await response(now, { key, signsAssertion: false });
const signedResponse = await response(now, { key, signsAssertion: false, signsResponse: true });
const encrypted = await response(now, { key, encryptionCertificate: ours.certificate });
const around = await response(now, { key, signsAssertion: false, encryptionCertificate: ours.certificate });
const encryptedByCbc = await encryptedAs(
  'EncryptedAssertion',
  /<saml:Assertion .*<\/saml:Assertion>/s.exec(genuine)![0],
  ours.certificate,
  { cipher: 'cbc' },
);
const eve = 'admin@idp.example';

const read = (xml: string, demands: object = {}) =>
  reader.readResponse(posted(xml), { certificates: [key.certificate], decryptionKeys: [ours.privateKey], ...demands });
const refused = (reason: string) => ({ kind: 'refused', reason, relayState: null });

test('the documents that are changed below are accepted as they are', async () => {
  expect(await read(genuine)).toMatchObject({ kind: 'verified' });
  expect(await read(signedResponse, { isAssertionSigned: false })).toMatchObject({ kind: 'verified' });
  expect(await read(signedBy(key, unsigned, { element: 'Assertion' }))).toMatchObject({ kind: 'verified' });
});

describe('before any library', () => {
  const inside = (markup: string) => genuine.replace('alice@', `alice${markup}@`);
  const attributes = (count: number) => Array.from({ length: count }, (_, at) => `a${at}=""`).join(' ');
  const elements = (count: number) => genuine.replace('</samlp:Response>', `${'<x/>'.repeat(count)}</samlp:Response>`);
  test.each([
    ['a document type', `<!DOCTYPE x [ ]>${genuine}`, 'doctype'],
    ['an external entity', `<!DOCTYPE x [ <!ENTITY e SYSTEM "file:///etc/passwd"> ]>${inside('&e;')}`, 'doctype'],
    ['an entity of nobody', inside('&e;'), 'entity'],
    ['a comment in a name', inside('<!---->'), 'comment'],
    ['a comment before the root', `<!-- x -->${genuine}`, 'comment'],
    ['a processing instruction in a name', inside('<?x?>'), 'processing_instruction'],
    ['a processing instruction before the root', `<?xml version="1.0"?><?x?>${genuine}`, 'processing_instruction'],
    ['a CDATA section', inside('<![CDATA[x]]>'), 'cdata'],
    ['a character that XML does not have', inside('&#0;'), 'encoding'],
    ['UTF-16', Buffer.from(`\u{FEFF}${genuine}`, 'utf16le').toString('latin1'), 'encoding'],
    ['another encoding', `<?xml version="1.0" encoding="UTF-7"?>${genuine}`, 'processing_instruction'],
    ['two roots', `${genuine}<x/>`, 'not_well_formed'],
    ['a text after the root', `${genuine}x`, 'not_well_formed'],
    ['an element that is not closed', genuine.replace('</saml:Issuer>', ''), 'not_well_formed'],
    ['an attribute twice', genuine.replace(' Version="2.0"', ' Version="2.0" Version="2.0"'), 'not_well_formed'],
    ['an end of a CDATA section', inside(']]>'), 'not_well_formed'],
    ['no element', 'alice', 'not_well_formed'],
    ['nothing', ' ', 'not_well_formed'],
    ['20,000 elements', elements(20_000), 'too_many_elements'],
    ['1,001 elements', elements(1000), 'too_many_elements'],
    ['100,000 nested elements', '<x>'.repeat(80_000), 'too_deep'],
    ['100 attributes', genuine.replace('<saml:Issuer', `<saml:Issuer ${attributes(100)}`), 'too_many_attributes'],
    [
      '5,000 attributes in all',
      genuine.replace('</samlp:Response>', `${`<x ${attributes(50)}/>`.repeat(100)}</samlp:Response>`),
      'too_many_attributes',
    ],
    ['300 KiB', elements(1).replace('<x/>', `<x>${'y'.repeat(300_000)}</x>`), 'too_large'],
  ])('%s is refused', async (_name, xml, reason) => {
    expect(await read(xml)).toEqual(refused(reason));
  });

  test.each([
    ['no base64', { binding: 'post', value: '%%%' }, 'encoding'],
    ['no text', { binding: 'post', value: Buffer.from([0xff, 0xfe, 0x3c]).toString('base64') }, 'encoding'],
    ['an empty value', { binding: 'post', value: '' }, 'encoding'],
    ['10 MB', { binding: 'post', value: 'A'.repeat(10_000_000) }, 'too_large'],
  ] as const)('a form with %s is refused', async (_name, received, reason) => {
    expect(await reader.readResponse(received, { certificates: [key.certificate] })).toEqual(refused(reason));
  });

  test.each([
    ['20,000 names', `<x>${'<y>'.repeat(20)}`, 'not_well_formed'],
    ['200 MiB from 200 KB', 'a'.repeat(50_000_000), 'too_large'],
  ])('a query with %s is refused', async (_name, text, reason) => {
    const query = `SAMLRequest=${encodeURIComponent(deflateRawSync(text).toString('base64'))}`;
    expect(
      await reader.readLogoutRequest({ binding: 'redirect', query }, { certificates: [], isSigned: true }),
    ).toEqual(refused(reason));
  });
});

describe('a signature', () => {
  const assertion = { element: 'Assertion' };
  const forged = (signing: object, signer = key) => signedBy(signer, unsigned, { ...assertion, ...signing });
  const ecdsa = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256';
  const c14n = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
  const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
  const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
  test.each([
    ['that is missing', unsigned, 'assertion_unsigned'],
    ['of another key', forged({}, attacker), 'signature_wrong'],
    ['of another key with its certificate', forged({ certificate: attacker.certificate }, attacker), 'signature_wrong'],
    ['whose value is empty', genuine.replace(/(<ds:SignatureValue>)[^<]*/, '$1'), 'signature_wrong'],
    ['of another text', genuine.replaceAll(alice.value, eve), 'signature_wrong'],
    ['by RSA with SHA-1', forged({ algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }), 'signature_algorithm'],
    ['with a SHA-1 digest', forged({ digest: 'http://www.w3.org/2000/09/xmldsig#sha1' }), 'signature_algorithm'],
    [
      'by HMAC with the public key',
      forged({ algorithm: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1' }, { ...key, privateKey: key.publicKey }),
      'signature_algorithm',
    ],
    [
      'by HMAC with the certificate',
      forged({ algorithm: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1' }, { ...key, privateKey: key.certificate }),
      'signature_algorithm',
    ],
    ['over inclusive canonical text', forged({ transforms: [enveloped, c14n] }), 'signature_transform'],
    [
      'over canonical text with comments',
      forged({ transforms: [enveloped, `${exclusive}WithComments`] }),
      'signature_transform',
    ],
    ['whose own form is inclusive', forged({ canonicalization: c14n }), 'signature_transform'],
    ['whose own form has comments', forged({ canonicalization: `${exclusive}WithComments` }), 'signature_transform'],
    ['with the transforms in another order', forged({ transforms: [exclusive, enveloped] }), 'signature_transform'],
    [
      'without transforms',
      genuine.replace(/<ds:Transforms>.*?<\/ds:Transforms>/s, '<ds:Transforms/>'),
      'signature_transform',
    ],
    [
      'with an XPath transform',
      genuine.replaceAll(enveloped, 'http://www.w3.org/TR/1999/REC-xpath-19991116'),
      'signature_transform',
    ],
    [
      'with an XSLT transform',
      genuine.replace(
        '</ds:Transforms>',
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>',
      ),
      'signature_transform',
    ],
    [
      'with a thousand prefixes',
      genuine.replace(
        /(<ds:Transform [^>]*xml-exc-c14n#")\/>/,
        `$1><InclusiveNamespaces xmlns="${exclusive}" PrefixList="${'x '.repeat(1000)}"/></ds:Transform>`,
      ),
      'signature_transform',
    ],
    ['of an empty reference', forged({ isEmptyUri: true }), 'signature_reference'],
    ['of two references', forged({ also: 'Status' }), 'signature_reference'],
    ['of another element', genuine.replace(/URI="#[^"]*"/, 'URI="#_other"'), 'signature_reference'],
    ['whose reference is an expression', genuine.replace(/URI="#[^"]*"/, 'URI="#xpointer(/)"'), 'signature_reference'],
    ['of an outside document', genuine.replace(/URI="#[^"]*"/, 'URI="http://127.0.0.1/x"'), 'signature_reference'],
    ['with an object', genuine.replace('</ds:Signature>', '<ds:Object/></ds:Signature>'), 'signature_form'],
    [
      'with two values',
      genuine.replace('</ds:Signature>', '<ds:SignatureValue>eA==</ds:SignatureValue></ds:Signature>'),
      'signature_form',
    ],
    [
      'with two digests',
      genuine.replace('<ds:DigestValue>', '<ds:DigestValue>eA==</ds:DigestValue><ds:DigestValue>'),
      'signature_form',
    ],
    ['in another namespace', genuine.replaceAll('http://www.w3.org/2000/09/xmldsig#"', 'urn:x"'), 'wrong_namespace'],
    ['twice', genuine.replace(/<ds:Signature .*<\/ds:Signature>/s, '$&$&'), 'signature_place'],
    [
      'in an element around nothing',
      genuine.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '<x xmlns="urn:x">$1</x>'),
      'signature_place',
    ],
  ])('%s is refused', async (_name, xml, reason) => {
    expect(await read(xml)).toEqual(refused(reason));
  });

  test('counts for nothing without a configured key, and with a weak one', async () => {
    expect(await read(genuine, { certificates: [] })).toEqual(refused('no_certificate'));
    const byWeak = await response(now, { key: weak });
    expect(await read(byWeak, { certificates: [weak.certificate] })).toEqual(refused('signature_key'));
    // The strong key in the set is not helped by the weak one.
    expect(await read(byWeak, { certificates: [weak.certificate, key.certificate] })).toEqual(
      refused('signature_wrong'),
    );
  });

  test('of a curve is understood, and no key is taken for one of another kind', async () => {
    const byCurve = signedBy(curve, unsigned, { ...assertion, algorithm: ecdsa });
    expect(await read(byCurve, { certificates: [key.certificate, curve.certificate] })).toMatchObject({
      kind: 'verified',
    });
    for (const [xml, certificate] of [
      [byCurve, key.certificate],
      [genuine, curve.certificate],
    ] as const)
      expect(await read(xml, { certificates: [certificate] })).toEqual(refused('signature_wrong'));
  });

  test.each(['sha256', 'sha384', 'sha512'])('by RSA-PSS with %s is understood', async (hash) => {
    const name = `http://www.w3.org/2007/05/xmldsig-more#${hash}-rsa-MGF1`;
    expect(await read(forged({ algorithm: name }))).toMatchObject({ kind: 'verified' });
  });

  test('of the response alone is enough only where the settings say so', async () => {
    expect(await read(signedResponse)).toEqual(refused('assertion_unsigned'));
    expect(await read(genuine, { isResponseSigned: true })).toEqual(refused('response_unsigned'));
    expect(await read(unsigned, { isAssertionSigned: false })).toEqual(refused('unsigned'));
    expect(await read(signedResponse.replaceAll(alice.value, eve), { isAssertionSigned: false })).toEqual(
      refused('signature_wrong'),
    );
  });
});

describe('wrapped signatures', () => {
  test.each(wrappingNames)('%s is refused', async (name) => {
    const isOfResponse = ['XSW 1', 'XSW 2'].includes(name);
    const source = isOfResponse ? signedResponse : genuine;
    for (const renames of [false, true]) {
      const xml = wrapped(name, source, [alice.value, eve], renames);
      expect(xml).toContain(eve);
      expect(xml).toContain(alice.value);
      const answer = await read(xml, { isAssertionSigned: !isOfResponse });
      expect(answer).toMatchObject({ kind: 'refused' });
      const { reason } = answer as { reason: string };
      expect(['duplicate_id', 'assertion_count', 'signature_place', 'nested_message', 'signature_form']).toContain(
        reason,
      );
    }
  });

  test('identifiers are unique however they are spelled', async () => {
    const [, id] = /<saml:Assertion [^>]*ID="([^"]*)"/.exec(genuine) ?? [];
    const twice = genuine.replace('<samlp:Status>', `<samlp:Status id="${id}">`);
    expect(await read(twice)).toEqual(refused('duplicate_id'));
  });

  test('a response has one assertion', async () => {
    const [assertion = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(genuine) ?? [];
    const second = await response(now, { key });
    const [other = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(second) ?? [];
    for (const xml of [genuine.replace(assertion, ''), genuine.replace(assertion, `${assertion}${other}`)])
      expect(await read(xml)).toEqual(refused('assertion_count'));
  });
});

describe('names', () => {
  test.each([
    ['a root of another name', genuine.replaceAll('samlp:Response', 'samlp:Answer'), 'wrong_message'],
    [
      'a root in another namespace',
      genuine.replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:x'),
      'wrong_namespace',
    ],
    [
      'an assertion in another namespace',
      unsigned.replaceAll('urn:oasis:names:tc:SAML:2.0:assertion', 'urn:x'),
      'wrong_namespace',
    ],
    [
      'another message inside',
      genuine.replace('</samlp:Response>', '<samlp:AuthnRequest/></samlp:Response>'),
      'nested_message',
    ],
    [
      'a time that is none',
      signedBy(key, unsigned.replaceAll(/NotOnOrAfter="[^"]*"/g, 'NotOnOrAfter="garbage"'), { element: 'Assertion' }),
      'malformed',
    ],
    [
      'no identifier',
      signedBy(key, unsigned, { element: 'Assertion' }).replace(/(<saml:Assertion [^>]*)ID="[^"]*"/, '$1'),
      'no_id',
    ],
  ])('%s is refused', async (_name, xml, reason) => {
    expect(await read(xml)).toEqual(refused(reason));
  });
});

describe('an encrypted assertion', () => {
  test.each([
    ['for another key', encrypted, { decryptionKeys: [attacker.privateKey] }, 'decryption_failed'],
    ['without a key of ours', encrypted, { decryptionKeys: [] }, 'decryption_failed'],
    ['that is signed by nobody', around, { isAssertionSigned: false }, 'unsigned'],
    ['that is not signed itself', around, {}, 'assertion_unsigned'],
    [
      'whose text was changed',
      encrypted.replace(/<xenc:CipherValue>(?!.*<xenc:CipherValue>)..../s, '$&AAAA'),
      {},
      'decryption_failed',
    ],
    ['with RSA 1.5', encrypted.replace('rsa-oaep-mgf1p', 'rsa-1_5'), {}, 'encryption_algorithm'],
    [
      'with AES-CBC in an unsigned response',
      encrypted.replace('http://www.w3.org/2009/xmlenc11#aes256-gcm', 'http://www.w3.org/2001/04/xmlenc#aes256-cbc'),
      {},
      'encryption_algorithm',
    ],
    [
      'with Triple DES',
      encrypted.replace('http://www.w3.org/2009/xmlenc11#aes256-gcm', 'http://www.w3.org/2001/04/xmlenc#tripledes-cbc'),
      { allowsCbc: true },
      'encryption_algorithm',
    ],
    [
      'next to a plain one',
      encrypted.replace(
        '</samlp:Response>',
        '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>',
      ),
      {},
      'assertion_count',
    ],
    ['without its key', encrypted.replace(/<KeyInfo.*<\/KeyInfo>/s, ''), {}, 'encryption_form'],
  ])('%s is refused', async (_name, xml, demands, reason) => {
    expect(await read(xml, demands)).toEqual(refused(reason));
  });
});

describe('AES-CBC, which AD FS uses,', () => {
  const oldest = async (protection: object) => {
    const [signed = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(genuine) ?? [];
    const xml = genuine.replace(signed, () => encryptedByCbc);
    return 'signsResponse' in protection ? signedBy(key, xml) : xml;
  };
  test.each([
    ['in a signed response is decrypted', { signsResponse: true }, {}, 'verified'],
    ['in an unsigned response is decrypted where the settings say so', {}, { allowsCbc: true }, 'verified'],
    ['in an unsigned response is refused', {}, {}, 'refused'],
  ])('%s', async (_name, protection, demands, kind) => {
    expect(await read(await oldest(protection), demands)).toMatchObject({ kind });
  });
});

describe('messages of sign-in and sign-out', () => {
  const logout = (nameId = alice) =>
    buildLogoutRequest({
      issuer: sp,
      destination: `${idp}/slo`,
      issueInstant: now,
      nameId,
      notOnOrAfter: new Date(now.getTime() + 60_000),
    });
  const request = buildAuthnRequest({
    issuer: sp,
    destination: `${idp}/sso`,
    issueInstant: now,
    assertionConsumerServiceUrl: acs,
  });
  const demands = { certificates: [key.certificate], isSigned: true };

  test.each(['post', 'redirect', 'soap'] as const)('unsigned by %s are refused', async (binding) => {
    const received = sentBy(binding, logout().xml, 'SAMLRequest');
    expect(await reader.readLogoutRequest(received, demands)).toEqual(refused('unsigned'));
    const other = sentBy(binding, signedBy(attacker, logout().xml), 'SAMLRequest');
    expect(await reader.readLogoutRequest(other, demands)).toMatchObject({ kind: 'refused' });
  });

  test('around a signed assertion or a signed request are refused', async () => {
    const [assertion = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(genuine) ?? [];
    const victim = logout({ ...alice, value: eve }).xml;
    const signedRequest = await signXml(request.xml, key);
    const evil = request.xml.replace(acs, 'https://evil.example/acs').replace(request.id, '_evil');
    for (const [xml, inner, reason] of [
      [victim, assertion, 'signature_place'],
      [victim, await signXml(logout().xml, key), 'nested_message'],
      [evil, signedRequest, 'nested_message'],
    ] as const) {
      const around = xml.replace(/<\/samlp:\w+>$/, (end) => `<samlp:Extensions>${inner}</samlp:Extensions>${end}`);
      const answer =
        xml === victim
          ? reader.readLogoutRequest(posted(around), demands)
          : reader.readAuthnRequest(posted(around), demands);
      expect(await answer).toEqual(refused(reason));
    }
  });

  test('by a redirect are signed as they stand in the query', async () => {
    const url = await redirectUrl(
      `${idp}/sso`,
      { parameter: 'SAMLRequest', xml: request.xml, relayState: 'a+b c%2f' },
      key,
    );
    const { query } = redirected(url) as { query: string };
    const lower = query.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
    const [message, state] = query.split('&');
    const readQuery = (text: string) => reader.readAuthnRequest({ binding: 'redirect', query: text }, demands);
    expect(await readQuery(query)).toMatchObject({ kind: 'verified', relayState: 'a+b c%2f' });
    for (const [text, reason] of [
      [lower, 'signature_wrong'],
      [query.replace(state!, 'RelayState=other'), 'signature_wrong'],
      [query.replace(`${state}&`, ''), 'signature_wrong'],
      [query.replace(/&Signature=.*/, ''), 'signature_form'],
      [query.replace('rsa-sha256', 'rsa-sha512'), 'signature_wrong'],
      [
        query.replace(/SigAlg=[^&]*/, 'SigAlg=http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1'),
        'signature_algorithm',
      ],
      [query.replace(/&SigAlg=.*/, ''), 'unsigned'],
      [`${query}&${message}`, 'parameters'],
      [`${query}&SAMLResponse=x`, 'parameters'],
      [query.replace('SAMLRequest', 'SAMLResponse'), 'parameters'],
      [`${query}&SAMLEncoding=urn%3Ax`, 'parameters'],
      [query.replace('SAMLRequest=', 'SAMLRequest=%zz'), 'encoding'],
    ] as const)
      expect(await readQuery(text), text.slice(-40)).toMatchObject({ kind: 'refused', reason });
  });

  test('by a redirect with a signature inside are refused', async () => {
    const received: Received = sentBy('redirect', await signXml(request.xml, key), 'SAMLRequest');
    expect(await reader.readAuthnRequest(received, { ...demands, isSigned: false })).toEqual(
      refused('signature_place'),
    );
  });

  test('in an envelope of another form are refused', async () => {
    const signed = await signXml(logout().xml, key);
    for (const body of [
      signed,
      `<Envelope xmlns="urn:x"><Body>${signed}</Body></Envelope>`,
      `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${signed}${signed}</s:Body></s:Envelope>`,
    ])
      expect(await reader.readLogoutRequest({ binding: 'soap', body }, demands)).toEqual(refused('wrong_message'));
  });
});

describe('threads', () => {
  test('answer every message of many at once, and refuse those after the end', async () => {
    const many = createMessages();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => many.readResponse(posted(genuine), { certificates: [key.certificate] })),
    );
    const kinds = answers.map((answer) => (answer.kind === 'refused' ? answer.reason : answer.kind));
    expect(new Set(kinds)).toEqual(new Set(['verified', 'busy']));
    await many.close();
    expect(await many.readResponse(posted(genuine), { certificates: [key.certificate] })).toEqual(refused('busy'));
  });
});

test('an attribute of a user stays one text', async () => {
  const value = 'x</saml:AttributeValue></saml:Attribute><saml:Attribute Name="role"><saml:AttributeValue>admin';
  const attributes = [{ name: 'name', nameFormat: null, friendlyName: null, values: [value] }];
  const answer = await read(await response(now, { key }, { assertion: assertionContent(now, { attributes }) }));
  expect(answer).toMatchObject({ kind: 'verified', value: { assertion: { attributes } } });
});

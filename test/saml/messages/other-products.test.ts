import { afterAll, expect, test } from 'vitest';
import { createMessages } from '#saml/messages/module.ts';
import { signedBy } from '../../support/saml-forger.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { alice, idp, posted, response } from '../../support/saml-messages.ts';
import { encryptAssertion } from '#saml/messages/module.ts';

const now = new Date('2026-03-01T10:00:00Z');
const [key, ours] = await Promise.all([samlKey(), samlKey()]);
const reader = createMessages();
afterAll(() => reader.close());

const unsigned = await response(now, { key, signsAssertion: false });
const read = (xml: string) =>
  reader.readResponse(posted(xml), { certificates: [key.certificate], decryptionKeys: [ours.privateKey] });
const accepted = { kind: 'verified', value: { assertion: { nameId: alice, issuer: idp } } };
/** The namespace of the assertion is declared at the root, and the values have types, as in the answers of many products. */
const typed = unsigned
  .replace(
    '<samlp:Response',
    '<samlp:Response xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"',
  )
  .replaceAll(/(<saml:(?:Issuer|Assertion)\b[^>]*) xmlns:saml="[^"]*"/g, '$1')
  .replaceAll(
    '<saml:AttributeValue',
    '<saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string"',
  );

test.each([
  ['with prefixes that are declared at the root', signedBy(key, typed, { element: 'Assertion' })],
  ['with prefixes that the signature names', signedBy(key, typed, { element: 'Assertion', prefixes: ['xs'] })],
  [
    'signed twice, with prefixes that one signature names',
    signedBy(key, signedBy(key, typed, { element: 'Assertion', prefixes: ['xs'] })),
  ],
  [
    'with white space between the elements',
    signedBy(key, unsigned.replaceAll('><saml', '>\n  <saml'), { element: 'Assertion' }),
  ],
  [
    'whose signature has the line ends of Windows',
    signedBy(key, unsigned, { element: 'Assertion' }).replaceAll(
      /[A-Za-z0-9+/]{60}(?=[^<]*<\/ds:SignatureValue)/g,
      '$&&#13;\n',
    ),
  ],
  [
    'with an XML declaration',
    `<?xml version="1.0" encoding="UTF-8"?>\n${signedBy(key, unsigned, { element: 'Assertion' })}\n`,
  ],
  [
    'by SHA-512',
    signedBy(key, unsigned, {
      element: 'Assertion',
      algorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
      digest: 'http://www.w3.org/2001/04/xmlenc#sha512',
    }),
  ],
])('a response %s is read', async (_name, xml) => {
  expect(await read(xml)).toMatchObject(accepted);
});

test('an encrypted assertion may use prefixes that are declared around it', async () => {
  const [assertion = ''] =
    /<saml:Assertion .*<\/saml:Assertion>/s.exec(signedBy(key, typed, { element: 'Assertion' })) ?? [];
  expect(assertion).not.toContain('xmlns:saml=');
  const encrypted = (await encryptAssertion(assertion, ours.certificate)).replace(/ xmlns:saml="[^"]*"/, '');
  const xml = typed.replace(/<saml:Assertion .*<\/saml:Assertion>/s, () => encrypted);
  expect(await read(xml)).toMatchObject(accepted);
});

/** A NameID and attributes that are encrypted by themselves: read from signed bytes alone, by the rules of encrypted assertions. */
import { afterAll, describe, expect, test } from 'vitest';
import {
  buildLogoutRequest,
  createMessages,
  encryptAssertion,
  nameIdFormats,
  signXml,
  soapEnvelope,
} from '#saml/messages/module.ts';
import { type Encrypting, encryptedAs, sentBy, signedBy } from '../../support/saml-forger.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { alice, assertionContent, idp, posted, response, sp } from '../../support/saml-messages.ts';

const now = new Date('2026-03-01T10:00:00Z');
const [key, attacker, ours, older] = await Promise.all([samlKey(), samlKey(), samlKey(), samlKey()]);
const reader = createMessages();
afterAll(() => reader.close());

const saml = 'urn:oasis:names:tc:SAML:2.0:assertion';
const nameId = (value: string, more = '') =>
  `<saml:NameID xmlns:saml="${saml}" Format="${nameIdFormats.persistent}"${more}>${value}</saml:NameID>`;
const attribute = (name: string, ...values: string[]) =>
  `<saml:Attribute xmlns:saml="${saml}" Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`;
const toUs = (wrapper: 'EncryptedID' | 'EncryptedAttribute', xml: string, how?: Encrypting, key = ours) =>
  encryptedAs(wrapper, xml, key.certificate, how);

const mail = { name: 'mail', nameFormat: null, friendlyName: null, values: ['alice@idp.example'] };
const plain = await response(
  now,
  { key, signsAssertion: false },
  { assertion: assertionContent(now, { attributes: [mail] }) },
);
/** The answer with other parts, signed after that. */
const answer = ({ id, attributes }: { id?: string; attributes?: string }, sign = { element: 'Assertion' }) =>
  signedBy(
    key,
    plain
      .replace(/<saml:NameID.*?<\/saml:NameID>/s, (original) => id ?? original)
      .replace(/<saml:Attribute .*<\/saml:Attribute>/s, (original) => attributes ?? original),
    sign,
  );
const read = (xml: string, demands: object = {}) =>
  reader.readResponse(posted(xml), {
    certificates: [key.certificate],
    decryptionKeys: [ours.privateKey, older.privateKey],
    ...demands,
  });
const refused = (reason: string) => ({ kind: 'refused', reason, relayState: null });
const persistent = {
  value: 'f7c1',
  format: nameIdFormats.persistent,
  nameQualifier: null,
  spNameQualifier: null,
};
const withName = (value = persistent) => ({ kind: 'verified', value: { assertion: { nameId: value } } });

describe('a NameID that is encrypted', () => {
  test.each<[string, Encrypting]>([
    ['with AES-GCM', {}],
    ['with AES-GCM of 128 bits and the newer OAEP', { cipher: 'gcm 128', transport: 'oaep 1.1' }],
    ['with AES-CBC, in an assertion whose signature was verified', { cipher: 'cbc' }],
  ])('%s is read', async (_name, how) => {
    expect(await read(answer({ id: await toUs('EncryptedID', nameId('f7c1'), how) }))).toMatchObject(withName());
  });

  test('for a key of before is read', async () => {
    const id = await toUs('EncryptedID', nameId('f7c1'), {}, older);
    expect(await read(answer({ id }))).toMatchObject(withName());
  });

  test('with a prefix that is declared around it is read', async () => {
    const id = await toUs('EncryptedID', nameId('f7c1').replace(/ xmlns:saml="[^"]*"/, ''));
    expect(await read(answer({ id }))).toMatchObject(withName());
  });

  test('in an assertion that the response signs, or that is encrypted itself, is read', async () => {
    const id = await toUs('EncryptedID', nameId('f7c1'));
    const bySigner = answer({ id }, { element: 'Response' });
    expect(await read(bySigner, { isAssertionSigned: false })).toMatchObject(withName());
    const signed = answer({ id });
    const [assertion = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(signed) ?? [];
    const hidden = await encryptAssertion(assertion, ours.certificate);
    expect(await read(signed.replace(assertion, () => hidden))).toMatchObject(withName());
  });

  const without = async (part: RegExp) => (await toUs('EncryptedID', nameId('x'))).replace(part, '');
  test.each<[string, () => Promise<string>, string]>([
    ['with RSA 1.5', () => toUs('EncryptedID', nameId('x'), { transport: 'rsa 1.5' }), 'encryption_algorithm'],
    ['with Triple DES', () => toUs('EncryptedID', nameId('x'), { cipher: '3des' }), 'encryption_algorithm'],
    ['for another key', () => toUs('EncryptedID', nameId('x'), {}, attacker), 'decryption_failed'],
    ['beside a plain one', async () => `${nameId('x')}${await toUs('EncryptedID', nameId('x'))}`, 'malformed'],
    [
      'twice',
      async () => `${await toUs('EncryptedID', nameId('x'))}${await toUs('EncryptedID', nameId('x'))}`,
      'malformed',
    ],
    ['without its key', async () => without(/<KeyInfo.*<\/KeyInfo>/s), 'encryption_form'],
    ['without data', async () => `<saml:EncryptedID xmlns:saml="${saml}"/>`, 'encryption_form'],
    ['and is an attribute', () => toUs('EncryptedID', attribute('x', 'y')), 'encryption_form'],
    ['and is of another namespace', () => toUs('EncryptedID', '<NameID>x</NameID>'), 'encryption_form'],
    [
      'and is encrypted twice',
      async () => toUs('EncryptedID', await toUs('EncryptedID', nameId('x'))),
      'encryption_form',
    ],
    ['and is an assertion', () => toUs('EncryptedID', `<Assertion xmlns="${saml}"/>`), 'encryption_form'],
    ['and is empty', () => toUs('EncryptedID', nameId(' ')), 'malformed'],
    ['and has elements', () => toUs('EncryptedID', nameId('a<x xmlns="urn:x"/>b')), 'malformed'],
    ['and has a comment', () => toUs('EncryptedID', nameId('admin<!---->.evil')), 'comment'],
    ['and has a document type', () => toUs('EncryptedID', `<!DOCTYPE x [ ]>${nameId('x')}`), 'doctype'],
    ['and is a text', () => toUs('EncryptedID', 'alice'), 'not_well_formed'],
    ['and has 2,000 elements', () => toUs('EncryptedID', nameId('<x/>'.repeat(2000))), 'too_many_elements'],
  ])('%s is refused', async (_name, id, reason) => {
    expect(await read(answer({ id: await id() }))).toEqual(refused(reason));
  });

  test('that was put in, or changed, after the signature is not decrypted', async () => {
    const id = await toUs('EncryptedID', nameId('admin'));
    const genuine = answer({});
    expect(await read(genuine.replace(/<saml:NameID.*?<\/saml:NameID>/s, () => id))).toEqual(
      refused('signature_wrong'),
    );
    const cbc = answer({ id: await toUs('EncryptedID', nameId('x'), { cipher: 'cbc' }) });
    const turned = cbc.replace(/(<xenc:CipherValue>)(?!.*<xenc:CipherValue>)..../s, '$1AAAA');
    expect(turned).not.toBe(cbc);
    expect(await read(turned)).toEqual(refused('signature_wrong'));
    const unsigned = plain.replace(/<saml:NameID.*?<\/saml:NameID>/s, () => id);
    expect(await read(unsigned)).toEqual(refused('assertion_unsigned'));
    expect(await read(unsigned, { isAssertionSigned: false })).toEqual(refused('unsigned'));
  });

  test('says nothing where it confirms a subject, and there is no other', async () => {
    const id = await toUs('EncryptedID', nameId('f7c1'));
    const confirmed = signedBy(
      key,
      plain
        .replace(/<saml:NameID.*?<\/saml:NameID>/s, '')
        .replace('<saml:SubjectConfirmationData', () => `${id}<saml:SubjectConfirmationData`),
      { element: 'Assertion' },
    );
    expect(await read(confirmed)).toMatchObject({ kind: 'verified', value: { assertion: { nameId: null } } });
  });
});

describe('an attribute that is encrypted', () => {
  const names = (read: object) =>
    (read as { value: { assertion: { attributes: { name: string; values: string[] }[] } } }).value.assertion.attributes;

  test('is read in its place among the others, each with a key of its own', async () => {
    const [department, groups] = await Promise.all([
      toUs('EncryptedAttribute', attribute('department', 'R&amp;D'), { cipher: 'cbc 128' }),
      toUs('EncryptedAttribute', attribute('groups', 'a', 'b'), {}, older),
    ]);
    const xml = answer({ attributes: `${department}${attribute('mail', 'm')}${groups}` });
    expect(names(await read(xml)).map(({ name, values }) => [name, values])).toEqual([
      ['department', ['R&D']],
      ['mail', ['m']],
      ['groups', ['a', 'b']],
    ]);
  });

  test('that cannot be read lets none of them count', async () => {
    const good = await toUs('EncryptedAttribute', attribute('groups', 'a'));
    for (const [bad, reason] of [
      [await toUs('EncryptedAttribute', attribute('groups', 'b'), {}, attacker), 'decryption_failed'],
      [await toUs('EncryptedAttribute', attribute('x', 'y'), { transport: 'rsa 1.5' }), 'encryption_algorithm'],
      [await toUs('EncryptedAttribute', nameId('x')), 'encryption_form'],
      [await toUs('EncryptedAttribute', `${attribute('x', 'y')}${attribute('z', 'y')}`), 'not_well_formed'],
      [await toUs('EncryptedAttribute', `<saml:Attribute xmlns:saml="${saml}"/>`), 'malformed'],
    ] as const)
      expect(await read(answer({ attributes: `${good}${bad}` }))).toEqual(refused(reason));
  });

  test('holds one text, whatever is in it', async () => {
    const text = 'x&lt;/saml:AttributeValue>&lt;/saml:Attribute>&lt;saml:Attribute Name="role">';
    const hidden = await toUs('EncryptedAttribute', attribute('name', text));
    expect(names(await read(answer({ attributes: hidden })))).toMatchObject([
      { name: 'name', values: ['x</saml:AttributeValue></saml:Attribute><saml:Attribute Name="role">'] },
    ]);
  });
});

describe('a request to sign out that encrypts the name', () => {
  const { xml } = buildLogoutRequest({
    issuer: idp,
    destination: `${sp}/slo`,
    issueInstant: now,
    nameId: alice,
    sessionIndexes: ['_session'],
    notOnOrAfter: now,
  });
  const demands = { certificates: [key.certificate], isSigned: true, decryptionKeys: [ours.privateKey] };
  const hiding = async (key = ours) => {
    const id = await toUs('EncryptedID', nameId('f7c1'), {}, key);
    return xml.replace(/<saml:NameID.*?<\/saml:NameID>/s, () => id);
  };

  test('is read by a form and by the back channel', async () => {
    const signed = await signXml(await hiding(), key);
    for (const received of [posted(signed), { binding: 'soap', body: soapEnvelope(signed) } as const])
      expect(await reader.readLogoutRequest(received, demands)).toMatchObject({
        kind: 'verified',
        value: { nameId: persistent, sessionIndexes: ['_session'] },
      });
  });

  test('is refused for another key, and is not decrypted without a signature', async () => {
    const foreign = await signXml(await hiding(attacker), key);
    expect(await reader.readLogoutRequest(posted(foreign), demands)).toEqual(refused('decryption_failed'));
    const unsigned = sentBy('post', await hiding(), 'SAMLRequest');
    expect(await reader.readLogoutRequest(unsigned, demands)).toEqual(refused('unsigned'));
    expect(await reader.readLogoutRequest(unsigned, { ...demands, isSigned: false })).toEqual(
      refused('decryption_failed'),
    );
  });
});

test.each([
  ['a no-break space', 'f7c1\u{A0}'],
  ['a space', 'f7c1 '],
  ['a line end', '\nf7c1'],
  ['a byte order mark', '\u{FEFF}f7c1'],
])('a NameID with %s at its end is not the one without', async (_name, value) => {
  const assertion = assertionContent(now, { nameId: { ...alice, value }, attributes: [{ ...mail, values: [value] }] });
  expect(await read(await response(now, { key }, { assertion }))).toMatchObject({
    kind: 'verified',
    value: { assertion: { nameId: { value }, attributes: [{ values: [value] }] } },
  });
});

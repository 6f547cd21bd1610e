import { afterAll, expect, test } from 'vitest';
import { buildMetadata, bindings, createMessages } from '#saml/messages/module.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { idp } from '../../support/saml-messages.ts';

const now = new Date('2026-03-01T10:00:00Z');
const key = await samlKey();
const reader = createMessages();
afterAll(() => reader.close());

const xml = buildMetadata({
  entityId: idp,
  validUntil: new Date('2026-04-01T00:00:00Z'),
  identityProvider: {
    signingCertificates: [key.certificate],
    encryptionCertificates: [],
    singleLogoutServices: [],
    nameIdFormats: [],
    singleSignOnServices: [{ binding: bindings.redirect, location: `${idp}/sso`, responseLocation: null }],
    wantAuthnRequestsSigned: false,
  },
});
const federation = (...entities: string[]) =>
  `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${entities.join('')}</md:EntitiesDescriptor>`;
const other = xml.replaceAll(idp, 'https://other.example');

test.each([
  ['that ended', xml.replace('2026-04-01', '2026-02-28'), {}, 'metadata_expired'],
  ['of two entities', federation(xml, other), {}, 'several_entities'],
  ['of the same entity twice', federation(xml, xml), { entityId: idp }, 'several_entities'],
  ['of other entities', federation(xml, other), { entityId: 'https://third.example' }, 'entity_not_found'],
  ['of no entity', federation(), {}, 'wrong_message'],
  ['of another kind', '<html/>', {}, 'wrong_message'],
  ['without a key', xml.replace(/<md:KeyDescriptor.*<\/md:KeyDescriptor>/s, ''), {}, 'no_signing_key'],
  ['with a key for encryption alone', xml.replace('use="signing"', 'use="encryption"'), {}, 'no_signing_key'],
  ['with a certificate that is none', xml.replace(/(X509Certificate>)[^<]+/, '$1AAAA'), {}, 'certificate'],
  ['with a script', xml.replace(`${idp}/sso`, 'javascript:alert(1)'), {}, 'location'],
  ['with a password', xml.replace(`${idp}/sso`, 'https://user:secret@idp.example/sso'), {}, 'location'],
  [
    'of an older protocol',
    xml.replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:oasis:names:tc:SAML:1.1:protocol'),
    {},
    'no_role',
  ],
  ['without the signature that is demanded', xml, { certificates: [key.certificate] }, 'unsigned'],
  ['with a document type', `<!DOCTYPE x>${xml}`, {}, 'doctype'],
  ['of 2 MiB', xml.replace('<md:IDP', `${' '.repeat(2 * 1024 * 1024)}$&`), {}, 'too_large'],
])('metadata %s are refused', async (_name, text, demands, reason) => {
  expect(await reader.readMetadata(text, { now, ...demands })).toEqual({ kind: 'refused', reason });
});

test('a key without a use is one for signatures', async () => {
  const read = await reader.readMetadata(xml.replace(' use="signing"', ''), { now });
  expect(read).toMatchObject({
    kind: 'verified',
    value: {
      identityProvider: { signingCertificates: [key.certificate], encryptionCertificates: [key.certificate] },
    },
  });
});

test('one entity of several is found by its name', async () => {
  expect(await reader.readMetadata(federation(other, xml), { now, entityId: idp })).toMatchObject({
    kind: 'verified',
    value: { entityId: idp, serviceProvider: null },
  });
});

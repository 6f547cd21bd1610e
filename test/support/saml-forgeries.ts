/** Answers that no service provider may take: each with the reason that the audit log must give. */
import { MINUTE } from '#kernel/clock.ts';
import { signedBy, wrapped, wrappingNames } from './saml-forger.ts';
import type { TestKey } from './saml-keys.ts';
import type { Bend, Person, SamlProvider, SamlRequest } from './saml-provider.ts';

/** The provider and its keys, the attacker who is a user there, and the user that the attacker wants to be. */
export type Scene = {
  idp: SamlProvider;
  /** Of a provider that another organization has. */
  foreign: SamlProvider;
  stranger: TestKey;
  mallory: Person;
};

/** Everything that says who the attacker is says "mallory". */
const becomeAlice = (xml: string): string => xml.replaceAll('mallory', 'alice');

/** `response`: the connection takes answers whose response is signed. */
export type Forgery = readonly [
  title: string,
  reason: string,
  forge: (scene: Scene, request: SamlRequest) => Promise<string> | string,
  connection?: 'response' | undefined,
];

const dsig = 'http://www.w3.org/2000/09/xmldsig#';
const enveloped = `${dsig}enveloped-signature`;
const inclusive = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const inAssertion = { element: 'Assertion' };

const genuine = ({ idp, mallory }: Scene, request: SamlRequest, bend: Bend = {}): Promise<string> =>
  idp.answer(request, mallory, bend);
const unsigned = (scene: Scene, request: SamlRequest): Promise<string> =>
  genuine(scene, request, { protection: { signsAssertion: false } });
const bySigner = (scene: Scene, request: SamlRequest): Promise<string> =>
  genuine(scene, request, { protection: { signsAssertion: false, signsResponse: true } });

/** The answer of the provider, changed on its way. */
const changed =
  (from: RegExp | string, to: string): Forgery[2] =>
  async (scene, request) =>
    (await genuine(scene, request)).replace(from, () => to);
/** A document of the provider that says something wrong, under a right signature. */
const signed =
  (from: RegExp | string, to: string, more: object = {}): Forgery[2] =>
  async (scene, request) =>
    signedBy(
      scene.idp.key,
      (await unsigned(scene, request)).replaceAll(from, () => to),
      { ...inAssertion, ...more },
    );
/** The document of the provider, for the victim, signed in a way that is no good. */
const forged =
  (signing: object, key: (scene: Scene) => Pick<TestKey, 'privateKey'> = ({ idp }) => idp.key): Forgery[2] =>
  async (scene, request) =>
    signedBy(key(scene), becomeAlice(await unsigned(scene, request)), { ...inAssertion, ...signing });
/** Markup in the name of the user, after the signature. */
const inName = (markup: string) => changed(/(?<=<saml:NameID[^>]*>mallory)/, markup);
const before =
  (prolog: string): Forgery[2] =>
  async (scene, request) =>
    prolog + (await genuine(scene, request));
const atEnd = (xml: string) => changed('</samlp:Response>', `${xml}</samlp:Response>`);
const raw =
  (value: string): Forgery[2] =>
  async () =>
    value;
const inTime = (minutes: number): string => new Date(Date.now() + minutes * MINUTE).toISOString();
const attributes = (count: number): string => Array.from({ length: count }, (_, at) => `a${at}=""`).join(' ');

const signatures: readonly Forgery[] = [
  ['that is unsigned', 'assertion_unsigned', async (scene, request) => becomeAlice(await unsigned(scene, request))],
  [
    'that is unsigned, where the response must be signed',
    'response_unsigned',
    async (scene, request) => becomeAlice(await unsigned(scene, request)),
    'response',
  ],
  ['whose response alone is signed', 'assertion_unsigned', bySigner],
  ['whose assertion alone is signed, where the response must be', 'response_unsigned', genuine, 'response'],
  ['with another user', 'signature_wrong', async (scene, request) => becomeAlice(await genuine(scene, request))],
  [
    'with another user in a signed response',
    'signature_wrong',
    async (scene, request) => becomeAlice(await bySigner(scene, request)),
    'response',
  ],
  ['of another key', 'signature_wrong', forged({}, ({ stranger }) => stranger)],
  [
    'of another key, with its certificate',
    'signature_wrong',
    (scene, request) => forged({ certificate: scene.stranger.certificate }, () => scene.stranger)(scene, request),
  ],
  ['of the provider of another organization', 'signature_wrong', forged({}, ({ foreign }) => foreign.key)],
  ['with an empty signature', 'signature_wrong', changed(/(?<=<ds:SignatureValue>)[^<]*/, '')],
  ['by RSA with SHA-1', 'signature_algorithm', forged({ algorithm: `${dsig}rsa-sha1` })],
  ['with a SHA-1 digest', 'signature_algorithm', forged({ digest: `${dsig}sha1` })],
  [
    'by HMAC with the public key',
    'signature_algorithm',
    forged({ algorithm: `${dsig}hmac-sha1` }, ({ idp }) => ({ privateKey: idp.key.publicKey })),
  ],
  [
    'by HMAC with the certificate',
    'signature_algorithm',
    forged({ algorithm: `${dsig}hmac-sha1` }, ({ idp }) => ({ privateKey: idp.key.certificate })),
  ],
  ['over inclusive canonical text', 'signature_transform', forged({ transforms: [enveloped, inclusive] })],
  [
    'with an XPath transform',
    'signature_transform',
    changed(enveloped, 'http://www.w3.org/TR/1999/REC-xpath-19991116'),
  ],
  [
    'with an XSLT transform',
    'signature_transform',
    changed(
      '</ds:Transforms>',
      `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>`,
    ),
  ],
  ['with an empty reference', 'signature_reference', forged({ isEmptyUri: true })],
  ['with two references', 'signature_reference', forged({ also: 'Status' })],
  [
    'with a reference to an outside document',
    'signature_reference',
    changed(/URI="#[^"]*"/, 'URI="http://127.0.0.1:9/"'),
  ],
  [
    'with two signatures',
    'signature_place',
    changed(
      /<ds:Signature .*<\/ds:Signature>/s,
      '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'.repeat(2),
    ),
  ],
  ['with an object in its signature', 'signature_form', changed('</ds:Signature>', '<ds:Object/></ds:Signature>')],
];

/** Each wrapping twice: with the identifiers of the original, and with its own, which is what the scanners send. */
const wrappings: readonly Forgery[] = wrappingNames.flatMap((name): Forgery[] => {
  const isOfResponse = name === 'XSW 1' || name === 'XSW 2';
  const forge =
    (renames: boolean): Forgery[2] =>
    async (scene, request) =>
      wrapped(name, await (isOfResponse ? bySigner : genuine)(scene, request), ['mallory', 'alice'], renames);
  const connection = isOfResponse ? 'response' : undefined;
  return [
    [name, /identifier|advice/.test(name) ? 'assertion_count' : 'duplicate_id', forge(false), connection],
    [
      `${name}, with identifiers of its own`,
      isOfResponse ? 'nested_message' : 'assertion_count',
      forge(true),
      connection,
    ],
  ];
});

const documents: readonly Forgery[] = [
  ['without an assertion', 'assertion_count', changed(/<saml:Assertion .*<\/saml:Assertion>/s, '')],
  [
    'with two signed assertions',
    'assertion_count',
    async (scene, request) => {
      const [assertion = ''] = /<saml:Assertion .*<\/saml:Assertion>/s.exec(await genuine(scene, request)) ?? [];
      return (await genuine(scene, request)).replace('</samlp:Response>', () => `${assertion}</samlp:Response>`);
    },
  ],
  [
    'with an identifier twice',
    'duplicate_id',
    async (scene, request) => {
      const xml = await genuine(scene, request);
      const id = /<saml:Assertion [^>]*ID="([^"]*)"/.exec(xml)?.[1] ?? '';
      return xml.replace('<samlp:Status>', `<samlp:Status Id="${id}">`);
    },
  ],
  ['with another message in it', 'nested_message', atEnd('<samlp:AuthnRequest/>')],
  ['that is another message', 'wrong_message', changed(/samlp:Response\b/g, 'samlp:LogoutResponse')],
  ['of another namespace', 'wrong_namespace', changed('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:x')],
  [
    'with an assertion of another namespace',
    'wrong_namespace',
    signed('urn:oasis:names:tc:SAML:2.0:assertion', 'urn:x'),
  ],
  ['with a comment in the name', 'comment', inName('<!---->')],
  ['with a processing instruction in the name', 'processing_instruction', inName('<?x?>')],
  ['with a CDATA section in the name', 'cdata', inName('<![CDATA[x]]>')],
  ['with an entity of its own', 'entity', inName('&e;')],
  ['with a document type', 'doctype', before('<!DOCTYPE x [ ]>')],
  ['with an entity of a file', 'doctype', before('<!DOCTYPE x [ <!ENTITY e SYSTEM "file:///etc/passwd"> ]>')],
  ['with an entity of the network', 'doctype', before('<!DOCTYPE x [ <!ENTITY e SYSTEM "http://127.0.0.1:9/"> ]>')],
  ['with a parameter entity', 'doctype', before('<!DOCTYPE x [ <!ENTITY % e SYSTEM "http://127.0.0.1:9/"> %e; ]>')],
  [
    'with a billion laughs',
    'doctype',
    before(
      `<!DOCTYPE x [ <!ENTITY a0 "ha">${Array.from({ length: 9 }, (_, at) => `<!ENTITY a${at + 1} "${`&a${at};`.repeat(10)}">`).join('')} ]>`,
    ),
  ],
  ['in UTF-7', 'processing_instruction', before('<?xml version="1.0" encoding="UTF-7"?>')],
  ['with 20,000 elements', 'too_many_elements', atEnd('<x/>'.repeat(20_000))],
  ['with 60,000 nested elements', 'too_deep', atEnd('<x>'.repeat(60_000))],
  ['with 1,000 attributes', 'too_many_attributes', atEnd(`<x ${attributes(1000)}/>`)],
  ['with 260 KiB', 'too_large', atEnd(`<x>${'y'.repeat(260 * 1024)}</x>`)],
  ['that is no XML', 'not_well_formed', raw('alice')],
  ['with two roots', 'not_well_formed', async (scene, request) => `${await genuine(scene, request)}<x/>`],
];

const said: readonly Forgery[] = [
  ['for another audience', 'audience', (scene, request) => genuine(scene, request, { audience: 'https://sp.example' })],
  [
    'for our audience, and for another one too',
    'audience',
    signed(
      '</saml:AudienceRestriction>',
      '</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://sp.example</saml:Audience></saml:AudienceRestriction>',
    ),
  ],
  ['for no audience', 'no_audience', signed(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/gs, '')],
  ['with an unknown condition', 'condition', signed('</saml:Conditions>', '<saml:Condition/></saml:Conditions>')],
  ['without conditions', 'no_conditions', signed(/<saml:Conditions .*<\/saml:Conditions>/gs, '')],
  ['for another recipient', 'recipient', signed(/Recipient="[^"]*"/g, 'Recipient="https://sp.example/acs"')],
  ['for no recipient', 'recipient', signed(/ Recipient="[^"]*"/g, '')],
  ['for another destination', 'destination', signed(/ Destination="[^"]*"/g, ' Destination="https://sp.example/acs"')],
  ['for another request', 'in_response_to', (scene, request) => genuine(scene, request, { inResponseTo: '_other' })],
  ['for no request', 'in_response_to', (scene, request) => genuine(scene, request, { inResponseTo: null })],
  [
    'whose assertion is for another request',
    'in_response_to',
    signed(/(?<=SubjectConfirmationData[^>]*) InResponseTo="[^"]*"/g, ' InResponseTo="_other"'),
  ],
  [
    'of another issuer',
    'assertion_issuer',
    (scene, request) => genuine(scene, request, { issuer: 'https://evil.example' }),
  ],
  [
    'whose response is of another issuer',
    'issuer',
    changed(/(?<=<samlp:Response[^>]*><saml:Issuer[^>]*>)[^<]*/, 'https://evil.example'),
  ],
  ['without a subject', 'no_subject', signed(/<saml:Subject>.*<\/saml:Subject>/gs, '')],
  ['without a name', 'no_subject', signed(/<saml:NameID .*<\/saml:NameID>/gs, '')],
  ['confirmed by a key of the sender', 'no_bearer', signed(/cm:bearer/g, 'cm:holder-of-key')],
  [
    'without an end of its confirmation',
    'no_bearer',
    signed(/(?<=SubjectConfirmationData[^>]*) NotOnOrAfter="[^"]*"/g, ''),
  ],
  ['that says of no proof', 'no_authn_statement', signed(/<saml:AuthnStatement .*<\/saml:AuthnStatement>/gs, '')],
  ['of another version', 'version', signed(/(?<=<saml:Assertion[^>]*)Version="2.0"/g, 'Version="1.1"')],
  [
    'that is over',
    'expired',
    signed(/(?<=<saml:Conditions[^>]*)NotOnOrAfter="[^"]*"/g, `NotOnOrAfter="${inTime(-2)}"`),
  ],
  [
    'whose confirmation is over',
    'expired',
    signed(/(?<=SubjectConfirmationData[^>]*)NotOnOrAfter="[^"]*"/g, `NotOnOrAfter="${inTime(-2)}"`),
  ],
  ['that is not yet valid', 'not_yet_valid', signed(/NotBefore="[^"]*"/g, `NotBefore="${inTime(2)}"`)],
  [
    'whose confirmation is not yet valid',
    'not_yet_valid',
    signed('<saml:SubjectConfirmationData ', `<saml:SubjectConfirmationData NotBefore="${inTime(2)}" `),
  ],
  [
    'that is valid for 25 hours',
    'lifetime',
    signed(/(?<=<saml:Conditions[^>]*)NotOnOrAfter="[^"]*"/g, `NotOnOrAfter="${inTime(25 * 60)}"`),
  ],
  [
    'of yesterday',
    'issue_instant',
    signed(/(?<=<saml:Assertion[^>]*)IssueInstant="[^"]*"/g, `IssueInstant="${inTime(-24 * 60)}"`),
  ],
  [
    'of the future',
    'issue_instant',
    signed(/(?<=<saml:Assertion[^>]*)IssueInstant="[^"]*"/g, `IssueInstant="${inTime(5)}"`),
  ],
  ['with a proof of the future', 'authn_instant', signed(/AuthnInstant="[^"]*"/g, `AuthnInstant="${inTime(5)}"`)],
  [
    'of a session that is over',
    'session_over',
    signed('<saml:AuthnStatement ', `<saml:AuthnStatement SessionNotOnOrAfter="${inTime(-1)}" `),
  ],
  ['with a time that is none', 'malformed', signed(/NotOnOrAfter="[^"]*"/g, 'NotOnOrAfter="garbage"')],
];

export const forgeries: readonly Forgery[] = [...signatures, ...wrappings, ...documents, ...said];

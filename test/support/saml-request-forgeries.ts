/** Requests that no party may answer: the reason in the audit log, and the doors where they can be sent. */
import { createHmac, sign } from 'node:crypto';
import { MINUTE } from '#kernel/clock.ts';
import { buildAuthnRequest, buildLogoutRequest, type NameId, type Received } from '#saml/messages/module.ts';
import { applicationKey, strangersKey, type TestApplication } from './saml-applications.ts';
import { encryptedAs, sentBy, signedBy } from './saml-forger.ts';
import type { TestKey } from './saml-keys.ts';

type Party = Pick<TestApplication, 'entityId' | 'base' | 'acs'>;
export type RequestScene = {
  app: Party;
  /** Of the same vendor: it signs with the same key. */
  sibling: Party;
  /** Registered with a key of its own. */
  thief: Party;
  /** Registered nowhere. */
  nobody: TestKey;
  /** Of the user, at the application. */
  name: NameId;
};

type Binding = Received['binding'];
export type Door = readonly ['sso' | 'slo', Binding];
export const doors: readonly Door[] = [
  ['sso', 'redirect'],
  ['sso', 'post'],
  ['slo', 'redirect'],
  ['slo', 'post'],
  ['slo', 'soap'],
];

type Content = { issuer?: string; destination?: string; issueInstant?: Date; notOnOrAfter?: Date };
/** A good request of the application. */
export function goodRequest({ app, name }: RequestScene, [door]: Door, content: Content = {}): string {
  const head = { issuer: app.entityId, destination: `${app.base}/${door}`, issueInstant: new Date(), ...content };
  if (door === 'sso') return buildAuthnRequest({ ...head, assertionConsumerServiceUrl: app.acs }).xml;
  const notOnOrAfter = new Date(Date.now() + MINUTE);
  return buildLogoutRequest({ notOnOrAfter, ...head, nameId: name, sessionIndexes: [] }).xml;
}

const dsig = 'http://www.w3.org/2000/09/xmldsig#';
type Signing = {
  key?: Pick<TestKey, 'privateKey'>;
  algorithm?: string;
  digest?: string;
  change?: (xml: string) => string;
};
/** Signs as the binding does it. `change` comes after the signature; a query has no other place for one. */
export function signedRequest(
  [, binding]: Door,
  xml: string,
  { key = applicationKey, algorithm, digest, change = (text) => text }: Signing = {},
): Received {
  if (binding !== 'redirect')
    return sentBy(
      binding,
      change(signedBy(key, xml, { ...(algorithm && { algorithm }), ...(digest && { digest }) })),
      'SAMLRequest',
    );
  const name = algorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
  const octets = `${queryOf(xml)}&SigAlg=${encodeURIComponent(name)}`;
  const signature = name.includes('hmac')
    ? createHmac('sha1', key.privateKey).update(octets).digest('base64')
    : sign(name.endsWith('sha1') ? 'sha1' : 'sha256', Buffer.from(octets), key.privateKey).toString('base64');
  const changed = octets.replace(queryOf(xml), () => queryOf(change(xml)));
  return { binding, query: `${changed}&Signature=${encodeURIComponent(signature)}` };
}
function queryOf(xml: string): string {
  return (sentBy('redirect', xml, 'SAMLRequest') as { query: string }).query;
}

type Forge = (scene: RequestScene, to: Door) => Received | Promise<Received>;
const said =
  (content: (scene: RequestScene, to: Door) => Content): Forge =>
  (scene, to) =>
    signedRequest(to, goodRequest(scene, to, content(scene, to)));
const change =
  (from: RegExp | string, to: string): Forge =>
  (scene, door) =>
    signedRequest(door, goodRequest(scene, door), { change: (xml) => xml.replace(from, () => to) });
const before = (prolog: string): Forge => change(/^/, prolog);
const atEnd = (xml: string): Forge => change(/<\/samlp:\w+>$/, xml);
const by =
  (signing: (scene: RequestScene) => Signing): Forge =>
  (scene, to) =>
    signedRequest(to, goodRequest(scene, to), signing(scene));
const inIssuer = (markup: string) => change('</saml:Issuer>', `${markup}</saml:Issuer>`);

type RequestForgery = {
  title: string;
  reason: string;
  forge: Forge /** At which doors; at all by default. */;
  only?: Only;
};
const attributes = Array.from({ length: 1000 }, (_, at) => `a${at}=""`).join(' ');
const bomb = `<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(1000)}">`;
const inflating = queryOf('a'.repeat(5_000_000));

type Only = (...door: Door) => boolean;
const embedded: Only = (_door, binding) => binding !== 'redirect';
const inQuery: Only = (_door, binding) => binding === 'redirect';
const byBrowser: Only = (_door, binding) => binding !== 'soap';
const byBackChannel: Only = (_door, binding) => binding === 'soap';
const ofSignOut: Only = (door) => door === 'slo';
export const requestForgeries: readonly RequestForgery[] = [
  {
    title: 'without a signature',
    reason: 'unsigned',
    forge: (scene, to) => sentBy(to[1], goodRequest(scene, to), 'SAMLRequest'),
  },
  {
    title: 'of a key that is registered nowhere',
    reason: 'signature_wrong',
    forge: by(({ nobody }) => ({ key: nobody })),
  },
  {
    title: 'of another party, with its own key',
    reason: 'signature_wrong',
    forge: by(() => ({ key: strangersKey })),
  },
  {
    title: 'of another party, in its own name',
    reason: 'signature_wrong',
    forge: (scene, to) =>
      signedRequest(to, goodRequest(scene, to, { issuer: scene.thief.entityId }), { key: strangersKey }),
  },
  {
    title: 'of another party with the same key',
    reason: 'issuer',
    forge: said(({ sibling }) => ({ issuer: sibling.entityId })),
  },
  {
    title: 'for the door of another party',
    reason: 'destination',
    forge: (scene, to) => signedRequest(to, goodRequest(scene, to, { destination: `${scene.sibling.base}/${to[0]}` })),
  },
  {
    title: 'for the other door',
    reason: 'destination',
    forge: (scene, to) =>
      signedRequest(
        to,
        goodRequest(scene, to, { destination: `${scene.app.base}/${to[0] === 'sso' ? 'slo' : 'sso'}` }),
      ),
  },
  {
    title: 'for no address',
    reason: 'destination',
    forge: (scene, to) => signedRequest(to, goodRequest(scene, to).replace(/ Destination="[^"]*"/, '')),
    only: byBrowser,
  },
  {
    title: 'of an hour ago',
    reason: 'issue_instant',
    forge: said(() => ({ issueInstant: new Date(Date.now() - 60 * MINUTE) })),
  },
  {
    title: 'of the future',
    reason: 'issue_instant',
    forge: said(() => ({ issueInstant: new Date(Date.now() + 5 * MINUTE) })),
  },
  {
    title: 'that is over',
    reason: 'expired',
    forge: said(() => ({ notOnOrAfter: new Date(Date.now() - 2 * MINUTE) })),
    only: ofSignOut,
  },
  {
    title: 'of another version',
    reason: 'version',
    forge: (scene, to) => signedRequest(to, goodRequest(scene, to).replace('Version="2.0"', 'Version="1.1"')),
  },
  {
    title: 'with the signature of another message',
    reason: 'signature_wrong',
    forge: change(/ ID="_[^"]*"| IssueInstant="[^"]*"/, ' ID="_other"'),
    only: inQuery,
  },
  {
    title: 'with the signature of another message inside',
    reason: 'signature_reference',
    forge: change(/ ID="_[^"]*"/, ' ID="_other"'),
    only: embedded,
  },
  { title: 'by RSA with SHA-1', reason: 'signature_algorithm', forge: by(() => ({ algorithm: `${dsig}rsa-sha1` })) },
  {
    title: 'with a SHA-1 digest',
    reason: 'signature_algorithm',
    forge: by(() => ({ digest: `${dsig}sha1` })),
    only: embedded,
  },
  {
    title: 'by HMAC with the public key',
    reason: 'signature_algorithm',
    forge: by(() => ({ algorithm: `${dsig}hmac-sha1`, key: { privateKey: applicationKey.publicKey } })),
  },
  {
    title: 'in whose extensions the signed one stands',
    reason: 'nested_message',
    forge: (scene, to) =>
      signedRequest(to, goodRequest(scene, to), {
        change: (xml) =>
          xml
            .replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')
            .replace(/ ID="[^"]+"/, ' ID="_evil"')
            .replace(/<\/samlp:\w+>$/, (end) => `<samlp:Extensions>${xml}</samlp:Extensions>${end}`),
      }),
    only: embedded,
  },
  {
    title: 'in whose signature the signed one stands',
    reason: 'nested_message',
    forge: (scene, to) =>
      signedRequest(to, goodRequest(scene, to), {
        change: (xml) =>
          xml
            .replace(/ ID="[^"]+"/, ' ID="_evil"')
            .replace(
              '</ds:Signature>',
              (end) => `<ds:Object>${xml.replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')}</ds:Object>${end}`,
            ),
      }),
    only: embedded,
  },
  {
    title: 'with a signature inside, in a query',
    reason: 'signature_place',
    forge: (scene, to) => signedRequest([to[0], 'redirect'], signedBy(applicationKey, goodRequest(scene, to))),
    only: inQuery,
  },
  {
    title: 'with an identifier twice',
    reason: 'duplicate_id',
    forge: (scene, to) => {
      const xml = goodRequest(scene, to);
      const [, id] = / ID="([^"]+)"/.exec(xml) ?? [];
      return signedRequest(to, xml.replace('<saml:Issuer', `<saml:Issuer Id="${id}"`));
    },
  },
  {
    title: 'that is the other message',
    reason: 'wrong_message',
    forge: (scene, to) => signedRequest(to, goodRequest(scene, [to[0] === 'sso' ? 'slo' : 'sso', to[1]])),
  },
  {
    title: 'of another namespace',
    reason: 'wrong_namespace',
    forge: change('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:x'),
  },
  { title: 'with a comment', reason: 'comment', forge: inIssuer('<!---->') },
  { title: 'with a processing instruction', reason: 'processing_instruction', forge: inIssuer('<?x?>') },
  { title: 'with a CDATA section', reason: 'cdata', forge: inIssuer('<![CDATA[x]]>') },
  { title: 'with an entity of its own', reason: 'entity', forge: inIssuer('&e;') },
  { title: 'with 20,000 elements', reason: 'too_many_elements', forge: atEnd('<x/>'.repeat(20_000)) },
  { title: 'with 60,000 nested elements', reason: 'too_deep', forge: atEnd('<x>'.repeat(60_000)) },
  { title: 'with 1,000 attributes', reason: 'too_many_attributes', forge: atEnd(`<x ${attributes}/>`) },
  { title: 'with 260 KiB', reason: 'too_large', forge: atEnd(`<x>${'y'.repeat(260 * 1024)}</x>`) },
  { title: 'with an entity bomb', reason: 'doctype', forge: before(`<!DOCTYPE x [ ${bomb} ]>`), only: byBrowser },
  {
    title: 'with an entity around its envelope',
    reason: 'doctype',
    forge: (scene, to) => {
      const sent = signedRequest([to[0], 'soap'], goodRequest(scene, to)) as { body: string };
      return { binding: 'soap', body: `<!DOCTYPE x [ <!ENTITY e SYSTEM "http://127.0.0.1:9/"> ]>${sent.body}` };
    },
    only: byBackChannel,
  },
  {
    title: 'in no envelope',
    reason: 'wrong_message',
    forge: (scene, to) => ({ binding: 'soap', body: signedBy(applicationKey, goodRequest(scene, to)) }),
    only: byBackChannel,
  },
  {
    title: 'that is inflated to 5 MB',
    reason: 'too_large',
    forge: () => ({ binding: 'redirect', query: inflating }),
    only: inQuery,
  },
  {
    title: 'of nobody',
    reason: 'no_subject',
    forge: (scene, to) => signedRequest(to, goodRequest(scene, to).replace(/<saml:NameID .*<\/saml:NameID>/s, '')),
    only: ofSignOut,
  },
  {
    title: 'that encrypts its user for another one',
    reason: 'decryption_failed',
    forge: async (scene, to) => {
      const xml = goodRequest(scene, to);
      const [id = ''] = /<saml:NameID .*<\/saml:NameID>/s.exec(xml) ?? [];
      const hidden = await encryptedAs('EncryptedID', id, scene.nobody.certificate);
      return signedRequest(
        to,
        xml.replace(id, () => hidden),
      );
    },
    only: ofSignOut,
  },
];

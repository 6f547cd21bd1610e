/** A service provider in the test: the library that many applications use, with a key of its own. */
import { type Profile, SAML, type SamlConfig } from '@node-saml/node-saml';
import { buildAuthnRequest, postForm, redirectUrl, signXml } from '#saml/messages/module.ts';
import type { TestApp, TestUser } from './app.ts';
import { samlKey, type TestKey } from './saml-keys.ts';
import { formsOf, type Page, Visitor } from './visitor.ts';

export type TestApplication = Awaited<ReturnType<typeof startApplication>>;
let count = 0;
const keys = await Promise.all([samlKey(), samlKey()]);
/** The key of every application here, and one that is registered nowhere. */
export const [applicationKey, strangersKey] = keys as [TestKey, TestKey];

/** Registers an application, and configures the library with our metadata. */
export async function startApplication(
  latchkey: TestApp,
  members: Record<string, unknown> = {},
  config: Partial<SamlConfig> = {},
) {
  const clientId = `app-${++count}`;
  const entityId = `https://${clientId}.example/saml`;
  const acs = `https://${clientId}.example/acs`;
  await latchkey.run('saml_applications.create', {
    name: `App ${count}`,
    client_id: clientId,
    first_party: true,
    entity_id: entityId,
    acs_urls: [{ url: acs }],
    certificates: [{ certificate: applicationKey.certificate }],
    ...members,
  });
  const base = `${latchkey.base}/saml/applications/${clientId}`;
  const metadata = await (await fetch(`${base}/metadata`)).text();
  const [, idpCert = ''] = /<ds:X509Certificate>([^<]+)</.exec(metadata) ?? [];
  const saml = new SAML({
    issuer: entityId,
    callbackUrl: acs,
    entryPoint: `${base}/sso`,
    logoutUrl: `${base}/slo`,
    idpIssuer: `${base}/metadata`,
    idpCert,
    audience: entityId,
    privateKey: applicationKey.privateKey,
    decryptionPvk: applicationKey.privateKey,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: true,
    acceptedClockSkewMs: 0,
    ...config,
  });
  return {
    clientId,
    entityId,
    acs,
    base,
    saml,
    metadata,
    /** The address to which the library sends a browser. */
    requestUrl: (relayState = '') => saml.getAuthorizeUrlAsync(relayState, undefined, {}),
    /** Reads what the browser posts. */
    async read(page: Page): Promise<Profile> {
      const { profile } = await saml.validatePostResponseAsync(answerOf(page, acs));
      if (profile === null) throw new Error('the answer has no user');
      return profile;
    },
  };
}

/** The fields that the browser posts to the application. */
export function answerOf(page: Page, acs: string): Record<string, string> {
  const form = formsOf(page).find(({ action }) => action === acs);
  if (!form) throw new Error(`no answer for ${acs} at ${page.url} (${page.status})`);
  return form.fields;
}

/** The XML of an answer. */
export const answerXml = (page: Page, acs: string): string =>
  Buffer.from(answerOf(page, acs)['SAMLResponse'] ?? '', 'base64').toString();

/** The codes of a status, the outer one first, without what all of them begin with. */
export const statusIn = (xml: string): string[] =>
  [...xml.matchAll(/StatusCode Value="urn:oasis:names:tc:SAML:2\.0:status:([^"]+)"/g)].map(([, code]) => code!);

/** Signs in at the pages and stops at the one that posts the answer, or refuses. */
export async function signInAt(url: string, { email, password }: TestUser, visitor = new Visitor()): Promise<Page> {
  let page = await visitor.open(url);
  for (let pages = 0; pages < 6; pages += 1) {
    const [form] = formsOf(page);
    if (!form || 'SAMLResponse' in form.fields || new URL(page.url).pathname.startsWith('/saml/')) return page;
    if ('password' in form.fields) page = await visitor.submit(page, { password });
    else if ('email' in form.fields) page = await visitor.submit(page, { email });
    else
      page = await visitor.submit(page, {}, form.buttons.some(({ value }) => value === 'allow') ? 'allow' : undefined);
  }
  return page;
}

type Crafted = Partial<Parameters<typeof buildAuthnRequest>[0]> & {
  relayState?: string | null;
  /** Null for an unsigned one. */
  key?: TestKey | null;
  change?: (xml: string) => string;
};

/** A request with a member that the library would not send, by a redirect. */
export async function craftedUrl({ base, entityId, acs }: TestApplication, crafted: Crafted = {}): Promise<string> {
  const { relayState = null, key = applicationKey, change = (xml) => xml, ...content } = crafted;
  const { xml } = buildAuthnRequest({
    issuer: entityId,
    destination: `${base}/sso`,
    issueInstant: new Date(),
    assertionConsumerServiceUrl: acs,
    ...content,
  });
  return redirectUrl(`${base}/sso`, { parameter: 'SAMLRequest', xml: change(xml), relayState }, key);
}

/** The same by a form. `change` comes after the signature. */
export async function craftedForm({ base, entityId, acs }: TestApplication, crafted: Crafted = {}) {
  const { relayState = null, key = applicationKey, change = (xml) => xml, ...content } = crafted;
  const { xml } = buildAuthnRequest({
    issuer: entityId,
    destination: `${base}/sso`,
    issueInstant: new Date(),
    assertionConsumerServiceUrl: acs,
    ...content,
  });
  const signed = key === null ? xml : await signXml(xml, key);
  return postForm(`${base}/sso`, { parameter: 'SAMLRequest', xml: change(signed), relayState }).fields;
}

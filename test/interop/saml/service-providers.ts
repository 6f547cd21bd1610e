/** mod_auth_mellon under Apache, and a program with node-saml. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npmVersion } from '../peers.ts';
import { answers, end, type Program, start } from '../programs.ts';
import { bareCertificate, createPair } from './authority.ts';
import {
  debianVersion,
  fetchText,
  formats,
  type Ground,
  type Known,
  placeFor,
  saidBy,
  type ServiceProvider,
  sourcesOf,
  startApache,
} from './peers.ts';

/** Reads its files when it starts, so it starts again after each change. */
export async function startMellon(ground: Ground): Promise<ServiceProvider> {
  const place = await placeFor(ground, 'mellon');
  const { name, folder, base, host } = place;
  const at = (file: string) => join(folder, file);
  const entityId = `${base}/mellon/metadata`;
  const signOutUrl = `${base}/mellon/logout?ReturnTo=${encodeURIComponent(`${base}/open/`)}`;
  for (const path of ['site', 'site/open']) await mkdir(at(path));
  for (const path of ['index.html', 'open/index.html']) await writeFile(at(`site/${path}`), `<h1>${path}</h1>`);
  let program: Program | undefined;
  const pair = await createPair(name);
  let wanted: string = formats.transient;
  let isTrusting = false;

  const metadata = (): string => `<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${entityId}">
  <SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bareCertificate(pair.certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="${base}/mellon/logout"/>
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${base}/mellon/logout"/>
    <NameIDFormat>${wanted}</NameIDFormat>
    <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${base}/mellon/postResponse"/>
  </SPSSODescriptor>
</EntityDescriptor>
`;
  async function startAgain(): Promise<void> {
    await writeFile(at('sp.key'), pair.key);
    await writeFile(at('sp.pem'), pair.certificate);
    await writeFile(at('sp.xml'), metadata());
    if (!isTrusting) return;
    if (program) await end(program);
    program = await startApache(place, sourcesOf(name), '/open/');
  }
  await startAgain();
  return {
    name,
    version: await debianVersion('libapache2-mod-auth-mellon'),
    entityId,
    base,
    hosts: [host],
    metadata: () => Promise.resolve(metadata()),
    async trust(text) {
      await writeFile(at('idp.xml'), text ?? '');
      isTrusting = true;
      await startAgain();
    },
    lacks: { ForceAuthn: 'mod_auth_mellon has no setting that asks for it' },
    // The format is in its metadata. With persistent names lasso takes no logout that the identity provider starts.
    async begin(browser, { format = 'transient' } = {}) {
      if (formats[format] !== wanted) {
        wanted = formats[format];
        await startAgain();
      }
      return browser.open(`${base}/`);
    },
    async who(browser) {
      const page = await browser.look(`${base}/index.html`);
      const shown = (header: string): string | null => {
        const text = page.headers.get(header);
        return text === null || text === '(null)' ? null : text;
      };
      if (page.status !== 200) return null;
      const session = Buffer.from(shown('x-session') ?? '', 'base64').toString();
      return {
        name: shown('x-user') ?? '',
        format: /<(?:\w+:)?NameID\b[^>]* Format="([^"]*)"/.exec(session)?.[1] ?? null,
        attributes: {
          all: [...session.matchAll(/<(?:\w+:)?AttributeValue\b[^>]*>([^<]*)</g)].map(([, value]) => value ?? ''),
        },
      };
    },
    signOutUrl,
    signOut: (browser) => browser.open(signOutUrl),
    output: () => (program ? saidBy(program, at('error.log'))() : ''),
  };
}

export async function startNodeSaml(ground: Ground): Promise<ServiceProvider> {
  const place = await placeFor(ground, 'node-saml');
  const { name, folder, base, host, env } = place;
  const at = (file: string) => join(folder, file);
  const entityId = `${base}/metadata`;
  const { key, certificate } = await createPair(name);
  await writeFile(at('sp.key'), key);
  await writeFile(at('sp.pem'), certificate);
  const program = start({
    name,
    command: process.execPath,
    args: [join(sourcesOf(name), 'app.mjs')],
    env: { ...env, ENTITY_ID: entityId },
  });
  await answers(program, `${base}/`);
  return {
    name,
    version: await npmVersion('@node-saml/node-saml'),
    entityId,
    base,
    hosts: [host],
    metadata: () => fetchText(entityId),
    trust: (text) => writeFile(at('idp.xml'), text ?? ''),
    lacks: {},
    begin(browser, { forceAuthn = false, format } = {}) {
      const wish = { ...(forceAuthn ? { force: 'yes' } : {}), ...(format ? { format: formats[format] } : {}) };
      return browser.open(`${base}/login?${new URLSearchParams(wish).toString()}`);
    },
    async who(browser) {
      const page = await browser.open(`${base}/me`);
      return page.status === 200 ? (JSON.parse(page.text) as Known) : null;
    },
    signOutUrl: `${base}/logout`,
    signOut: (browser) => browser.open(`${base}/logout`),
    output: saidBy(program),
  };
}

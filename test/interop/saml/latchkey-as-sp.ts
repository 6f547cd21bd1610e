/** The product as service provider of SAML, seen through a relying party that knows OpenID Connect alone. */
import { type Browser } from './browser.ts';
import { chooseProvider, type Latchkey, type RelyingParty } from './latchkey.ts';
import { fetchText, type Format, type IdentityProvider, type ServiceProvider } from './peers.ts';

type Sides = { latchkey: Latchkey; relyingParty: RelyingParty; idp: IdentityProvider };

/** Connects the identity provider from the address of its metadata. `mail`: the attribute in which it tells the address. */
export async function latchkeyAsServiceProvider(
  { latchkey, relyingParty, idp }: Sides,
  mail: string,
): Promise<ServiceProvider> {
  const slug = idp.name;
  const base = `${latchkey.issuer}/saml/${slug}`;
  let wanted: Format | undefined;
  // One provider has metadata for each service, so it must know the addresses before there is a connection.
  await idp.trust(addressesOnly(base));
  await latchkey.command(`connection create saml ${slug}`, {
    name: slug,
    'metadata-url': idp.entityId,
    'trusts-email': 'true',
    // The same account with every format of a name.
    claims: JSON.stringify({ sub: mail, email: mail }),
  });
  return {
    name: latchkey.name,
    version: 'Latchkey',
    entityId: `${base}/metadata`,
    base: relyingParty.base,
    hosts: [relyingParty.host, latchkey.host],
    lacks: {},
    output: latchkey.output,
    metadata: () => fetchText(`${base}/metadata`),
    // It reads the metadata where it read them first.
    async trust() {
      await latchkey.command(`connection change ${slug}`, { 'metadata-url': idp.entityId });
    },
    async begin(browser, { forceAuthn = false, format } = {}) {
      if (format !== undefined && format !== wanted) {
        wanted = format;
        await latchkey.command(`connection change ${slug}`, { 'name-id-format': format });
      }
      const page = await relyingParty.begin(browser, forceAuthn ? { prompt: 'login' } : {});
      return chooseProvider(latchkey, browser, page, slug);
    },
    async who(browser) {
      const claims = await relyingParty.who(browser);
      if (claims === null) return null;
      return { ...nameIn(browser), attributes: { all: [String(claims['email']), String(claims['name'])] } };
    },
    signOutUrl: `${relyingParty.base}/logout`,
    signOut: (browser) => relyingParty.signOut(browser, slug),
  };
}

/** Metadata of a service that has no keys yet. */
const addressesOnly = (base: string): string => `<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${base}/metadata">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${base}/acs"/>
  </SPSSODescriptor>
</EntityDescriptor>
`;

/** The name in the newest answer that came through the browser: the relying party does not hear it. */
function nameIn({ messages }: Browser): { name: string; format: string | null } {
  const posted = messages.findLast(({ form }) => 'SAMLResponse' in (form ?? {}))?.form?.['SAMLResponse'] ?? '';
  const found = /<(?:\w+:)?NameID\b([^>]*)>([^<]*)</.exec(Buffer.from(posted, 'base64').toString());
  return { name: found?.[2] ?? '', format: /\bFormat="([^"]*)"/.exec(found?.[1] ?? '')?.[1] ?? null };
}

/** The addresses of this instance as the service provider of a connection. */
export type ServiceProvider = Readonly<{ entityId: string; acsUrl: string; logoutUrl: string; metadataUrl: string }>;

/** `clientId`: an entity ID that the provider knows; empty: the address of the metadata (SAML Metadata §4.1). */
export function serviceProviderOf(
  issuer: string,
  { slug, clientId }: { slug: string; clientId: string },
): ServiceProvider {
  const base = `${issuer}/saml/${slug}`;
  const metadataUrl = `${base}/metadata`;
  return { entityId: clientId || metadataUrl, acsUrl: `${base}/acs`, logoutUrl: `${base}/slo`, metadataUrl };
}

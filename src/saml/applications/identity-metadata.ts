import { bindings, buildMetadata } from '#saml/messages/module.ts';
import type { Application } from './application-service.ts';
import { ownUrls } from './application-wire.ts';
import { formatUris } from './name-id.ts';

/** Our metadata for one application: keys may be replaced for one after the other. */
export function identityMetadata(
  { client, provider }: Application,
  { issuer, certificates }: { issuer: string; certificates: readonly string[] },
): string {
  const urls = ownUrls(issuer, client.clientId);
  const at = (location: string) => (binding: string) => ({ binding, location, responseLocation: null });
  return buildMetadata({
    entityId: urls.metadata,
    identityProvider: {
      signingCertificates: certificates,
      encryptionCertificates: [],
      singleLogoutServices: [bindings.redirect, bindings.post, bindings.soap].map(at(urls.slo)),
      nameIdFormats: formatUris(provider.nameIdFormat),
      singleSignOnServices: [bindings.redirect, bindings.post].map(at(urls.sso)),
      wantAuthnRequestsSigned: provider.requiresSignedRequests,
    },
  });
}

import type { Client } from 'oidc-provider';

/** Origins of a client: where its redirect URIs lead (web pages only). `null` and look-alikes never match. */
export function isAllowedOrigin(origin: string, client: Client): boolean {
  if (client.clientAuthMethod !== 'none') return false;
  return (client.redirectUris ?? []).some((uri) => {
    const url = URL.parse(uri);
    return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.origin === origin;
  });
}

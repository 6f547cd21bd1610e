import type { Client } from 'oidc-provider';

/** Parameters of the sign-in that the application begins; `connection`, `domain_hint` and `organization` are ours. */
const passedOn = ['login_hint', 'connection', 'domain_hint', 'organization'] as const;
type PassedOn = Partial<Record<(typeof passedOn)[number], unknown>>;

/**
 * OpenID Connect Core §4: an application that can begin a sign-in says where, and is told by which issuer it is asked. The application
 * repeats the parameters in its authorization request (there: `login_hint`). Null where it says no address.
 */
export function initiateLoginUrl(
  { initiateLoginUri }: Client,
  issuer: string,
  parameters: PassedOn | null,
): string | null {
  const url = typeof initiateLoginUri === 'string' ? URL.parse(initiateLoginUri) : null;
  if (url === null) return null;
  url.searchParams.set('iss', issuer);
  for (const name of passedOn) {
    const value = parameters?.[name];
    if (typeof value === 'string' && value !== '') url.searchParams.set(name, value);
  }
  return url.href;
}

import type { CompletedSignIn } from '#oidc/completed-sign-ins.ts';
import { acrOf, LEVELS } from '#oidc/levels.ts';
import type { AuthnRequestMessage } from '#saml/messages/module.ts';
import { demandedLevel, type Requested } from './authn-context.ts';
import type { Failure } from './answers.ts';
import { formatFor, type NameIdFormat } from './name-id.ts';
import type { Consumer, ServiceProvider } from './service-provider.ts';

const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';

/** The demands of a verified request. */
type Read =
  | {
      kind: 'asks';
      consumerUrl: string;
      nameIdFormat: NameIdFormat;
      requestedContext: Requested;
      level: CompletedSignIn['level'];
    }
  /** The application is told that it cannot have this. */
  | { kind: 'answered'; consumerUrl: string; failure: Failure }
  | { kind: 'refused'; reason: 'consumer' | 'binding' };

/** Compares a request with what is registered. An address that is not registered is never answered. */
export function readSignInRequest(request: AuthnRequestMessage, provider: ServiceProvider): Read {
  const consumer = consumerFor(provider.consumers, request);
  if (consumer === null) return { kind: 'refused', reason: 'consumer' };
  if (request.protocolBinding !== null && request.protocolBinding !== POST)
    return { kind: 'refused', reason: 'binding' };
  const consumerUrl = consumer.url;
  const nameIdFormat = formatFor(provider.nameIdFormat, request.nameIdPolicy?.format ?? null);
  if (nameIdFormat === null) return { kind: 'answered', consumerUrl, failure: 'name_id' };
  const level = demandedLevel(request.requestedAuthnContext);
  if (level === 'unmet') return { kind: 'answered', consumerUrl, failure: 'context' };
  if (request.forceAuthn && request.isPassive) return { kind: 'answered', consumerUrl, failure: 'not_signed_in' };
  return { kind: 'asks', consumerUrl, nameIdFormat, requestedContext: request.requestedAuthnContext, level };
}

/** The parameters of the authorization request that a request becomes (OpenID Connect Core §3.1.2.1). */
export function authorizationOf(
  { forceAuthn, isPassive, subject }: Pick<AuthnRequestMessage, 'forceAuthn' | 'isPassive' | 'subject'>,
  level: CompletedSignIn['level'],
): Record<string, string> {
  const hint = subject?.value ?? '';
  return {
    ...(forceAuthn ? { prompt: 'login' } : isPassive ? { prompt: 'none' } : {}),
    ...(level > 1 ? { claims: essential(level) } : {}),
    ...(hint.includes('@') && hint.length <= 254 ? { login_hint: hint } : {}),
  };
}

/** OpenID Connect Core §5.5.1.1. */
function essential(level: number): string {
  const values = LEVELS.filter((known) => known >= level).map(acrOf);
  return JSON.stringify({ id_token: { acr: { essential: true, values } } });
}

/** The status for an error of the authorization endpoint. */
export function failureOf(error: string): Failure {
  switch (error) {
    case 'login_required':
    case 'interaction_required':
    case 'consent_required':
    case 'account_selection_required':
      return 'not_signed_in';
    case 'access_denied':
      return 'refused';
    case 'unmet_authentication_requirements':
      return 'context';
    default:
      return 'failed';
  }
}

type AskedConsumer = {
  assertionConsumerServiceUrl: string | null;
  assertionConsumerServiceIndex: number | null;
};

/** The default one, by SAML V2.0 Metadata §2.2.3. */
export function defaultConsumer(consumers: readonly Consumer[]): Consumer {
  const chosen = consumers.find(({ isDefault }) => isDefault) ?? consumers[0];
  if (chosen === undefined) throw new Error('an application has no assertion consumer service');
  return chosen;
}

/**
 * The registered address that a request asks for (SAML Core §3.4.1): by URL, character by character, or by index. Null for an address that
 * is not registered, and for a request that names both.
 */
export function consumerFor(consumers: readonly Consumer[], asked: AskedConsumer): Consumer | null {
  const { assertionConsumerServiceUrl: url, assertionConsumerServiceIndex: index } = asked;
  if (url !== null && index !== null) return null;
  if (url !== null) return consumers.find((each) => each.url === url) ?? null;
  if (index !== null) return consumers.find((each) => each.index === index) ?? null;
  return defaultConsumer(consumers);
}

import { decodeJwt } from 'jose';
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { noteRefusal } from '#kernel/http/request-log.ts';
import { isClientId } from './client-store.ts';
import type { Engine } from './engine.ts';
import { LONGEST_CLIENT_ID } from './limits.ts';

/** The endpoints of the engine, by the events with which it tells that it refused a request. */
const refusing = [
  'authorization.error',
  'device_authorization.error',
  'end_session.error',
  'grant.error',
  'introspection.error',
  'pushed_authorization_request.error',
  'registration_create.error',
  'registration_delete.error',
  'registration_read.error',
  'registration_update.error',
  'revocation.error',
  'userinfo.error',
] as const;

/** Answers that a client expects: a person says no or is not signed in (OpenID Connect Core §3.1.2.6), or a device waits (RFC 8628 §3.5). */
const expected: ReadonlySet<string> = new Set([
  'access_denied',
  'account_selection_required',
  'authorization_pending',
  'consent_required',
  'interaction_required',
  'login_required',
  'slow_down',
]);

/** The engine's words about the claims of an assertion, which it reads after the signature: its sender may read them. */
const afterSignature = /^(jwt (expired|not active yet|issued in the future)|invalid (nbf|iat|exp|jti|iss|aud) value)$/;

/** Requests of clients that are disabled; the engine does not know such a client. */
const disabledClients = new WeakSet<object>();

/** The request that is served now named a disabled client. The answer is the one for an unknown client. */
export function noteDisabledClient(): void {
  if (Provider.ctx) disabledClients.add(Provider.ctx);
}

/** Notes for the log why the engine refuses a request. The answer says no more than its RFC allows, and often less. */
export function noteRefusals(engine: Engine): void {
  for (const event of refusing)
    engine.on(event as 'grant.error', (ctx, error) => {
      if (expected.has(error.error)) return;
      const isDisabled = disabledClients.has(ctx) && error.error_detail === 'client not found';
      noteRefusalAt(ctx, isDisabled ? 'the client is disabled' : reasonOf(error), error.error);
      const { cause } = error;
      if (!(error instanceof errors.InvalidClientAuth && cause instanceof Error && afterSignature.test(cause.message)))
        return;
      Object.assign(ctx.body as object, { error_description: `${error.error_description}: ${cause.message}` });
    });
}

/** Notes a reason for the log, with the client of the request. */
export function noteRefusalAt(ctx: KoaContextWithOIDC, reason: string, error?: string): void {
  const known = ctx.oidc.client?.clientId;
  noteRefusal(ctx, {
    reason,
    error,
    clientId: known ?? claimedClientId(ctx),
    isKnownClient: known !== undefined,
  });
}

/** The same for the request that is served now. */
export function noteRefusalNow(reason: string): void {
  const ctx = Provider.ctx;
  if (ctx) noteRefusalAt(ctx, reason);
}

/** Names of parameters may stand in quotes; anything else there may have come in the request. */
const quoted = /'[^']*'|"[^"]*"/g;
const isName = (text: string): boolean => /^.[a-z_]{1,40}.$/.test(text);

/** The words of the answer, then the words for the log alone. A message about text that is no JSON would quote it. */
function reasonOf({ error, error_description: told, error_detail: detail, cause }: errors.OIDCProviderError): string {
  const parts = [told ?? error, cause instanceof SyntaxError || told?.endsWith(detail ?? '') ? undefined : detail];
  return parts
    .filter((part) => part !== undefined)
    .join(': ')
    .replaceAll(quoted, (text) => (isName(text) ? text : "'…'"));
}

/** The client that the request names before it is found: in Basic authentication, as a parameter or in an assertion. */
function claimedClientId({ headers, oidc }: KoaContextWithOIDC): string | undefined {
  const { client_id: named, client_assertion: assertion } = (oidc.params ?? {}) as Record<string, unknown>;
  const claimed = named ?? basicUser(headers.authorization) ?? subjectOf(assertion);
  // A token in the wrong place is no client id.
  return isClientId(claimed) && claimed.length <= LONGEST_CLIENT_ID && !claimed.startsWith('lk_') ? claimed : undefined;
}

/** RFC 6749 §2.3.1: both parts are encoded as in a form. */
function basicUser(header: string | undefined): string | undefined {
  const [, encoded = ''] = /^basic ([\w+/]+={0,2})$/i.exec(header ?? '') ?? [];
  const [user = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 1);
  const read = new URLSearchParams(`user=${user.replaceAll('&', '%26')}`).get('user');
  return read === null || read === '' ? undefined : read;
}

function subjectOf(assertion: unknown): unknown {
  if (typeof assertion !== 'string') return undefined;
  try {
    return (decodeJwt(assertion) as { sub?: unknown }).sub;
  } catch {
    return undefined;
  }
}

import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '#kernel/clock.ts';
import { type ErrorKind, errorView } from '#kernel/http/error-view.ts';
import type { State } from '#kernel/http/context.ts';
import { show } from '#kernel/views.ts';
import { signInExpired } from '../errors.ts';

/** An error that the engine must not redirect (RFC 6749 §4.1.2.1) becomes a page that says so. */
export function renderError(clock: Clock): NonNullable<Configuration['renderError']> {
  return (ctx, out, error) => {
    // An endpoint of programs speaks JSON to browsers, too (RFC 6749 §5.2).
    if ((ctx.state as Partial<State>).mount?.audience === 'oauth') {
      ctx.body = out;
      return;
    }
    // Its page is the same wherever a browser comes upon it.
    if (error instanceof errors.SessionNotFound) throw signInExpired(error);
    const { client } = ctx.oidc;
    const kind = isUnknownClient(ctx, error) ? 'unknown-client' : kindOf(error, out.error_description ?? '');
    show(ctx as never, ctx.status, errorView, {
      kind,
      requestId: String(ctx.state['requestId']),
      at: clock.now(),
      protocol:
        kind === 'fault'
          ? null
          : {
              error: out.error,
              description: out.error_description ?? null,
              received: received(ctx, kind),
              clientId: text(parameters(ctx)['client_id']),
            },
      client: client ? { name: client.clientName ?? client.clientId, homeUrl: homeOf(client) } : null,
      retryUrl: null,
      waitSeconds: null,
    });
  };
}

function parameters(ctx: KoaContextWithOIDC): Record<string, unknown> {
  return ctx.oidc.params ?? ctx.query;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The registered home page alone: what came with the request may be an attacker's. */
function homeOf(client: Client): string | null {
  return client.clientUri ?? null;
}

function received(ctx: KoaContextWithOIDC, kind: ErrorKind): string | null {
  if (kind === 'bad-redirect-uri') return text(parameters(ctx)['redirect_uri']);
  return kind === 'bad-post-logout-redirect-uri' ? text(parameters(ctx)['post_logout_redirect_uri']) : null;
}

/** For any other error of the request: it can be corrected only when the app itself is known. */
function isUnknownClient(ctx: KoaContextWithOIDC, error: Error): boolean {
  if (!(error instanceof errors.OIDCProviderError)) return false;
  return ctx.oidc.route === 'authorization' && !ctx.oidc.client && text(parameters(ctx)['client_id']) !== null;
}

/** The engine tells what went wrong in words; users need to know which of a few things it was. */
function kindOf(error: Error, description: string): ErrorKind {
  if (error instanceof errors.InvalidRedirectUri) return 'bad-redirect-uri';
  if (/post_logout_redirect_uri/.test(description)) return 'bad-post-logout-redirect-uri';
  if (/id_token_hint/.test(description)) return 'bad-id-token-hint';
  if (error instanceof errors.InvalidClient) return 'unknown-client';
  return error instanceof errors.OIDCProviderError ? 'invalid-request' : 'fault';
}

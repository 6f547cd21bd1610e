import type { Client, Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';

/** The part of a client that a page may name. */
export type ClientOnPage = { id: string; name: string; homeUrl: string | null };

/** A form of the engine: where it posts to, and the hidden fields that it must carry. */
export type EngineForm = { action: string; fields: Readonly<Record<string, string>> };

export type EngineProblem = {
  status: number;
  error: string;
  description: string | null;
  cause: 'unknown-client' | 'bad-redirect-uri' | 'bad-post-logout-redirect-uri' | 'bad-id-token-hint' | 'expired' | 'invalid-request' | 'fault';
  client: ClientOnPage | null;
  clientId: string | null;
  /** The address that was refused, an attacker's text perhaps. */
  received: string | null;
};

export type DeviceProblem = 'required' | 'unknown' | 'expired' | 'used' | 'aborted' | 'throttled' | 'failed';
export type AskingDevice = { ip: string; userAgent: string };

/** What the engine shows through us; the slices device and logout and the error boundary draw it. */
export type EnginePages = {
  error(ctx: KoaContextWithOIDC, problem: EngineProblem): void;
  confirmLogout(ctx: KoaContextWithOIDC, page: { form: EngineForm; client: ClientOnPage | null; accountId: string }): Promise<void>;
  loggedOut(ctx: KoaContextWithOIDC, page: { client: ClientOnPage | null }): void;
  deviceCode(ctx: KoaContextWithOIDC, page: { form: EngineForm; userCode: string; problem: DeviceProblem | null }): void;
  deviceConfirm(ctx: KoaContextWithOIDC, page: { form: EngineForm; userCode: string; client: ClientOnPage; scopes: readonly string[]; device: AskingDevice }): void;
  deviceDone(ctx: KoaContextWithOIDC, page: { client: ClientOnPage | null }): void;
};

export function onPage(client: Client | undefined): ClientOnPage | null {
  if (!client) return null;
  return { id: client.clientId, name: client.clientName ?? client.clientId, homeUrl: client.clientUri ?? null };
}

const secretOf = (ctx: KoaContextWithOIDC): string => (ctx.oidc.session?.['state'] as { secret: string }).secret;

export function renderError(pages: EnginePages): NonNullable<Configuration['renderError']> {
  return async (ctx, out, error) => pages.error(ctx, describe(ctx, out, error));
}

/** The engine tells what went wrong in words; people need to know which of a few things it was. */
function describe(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): EngineProblem {
  const params = (ctx.oidc.params ?? ctx.query) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const description = out.error_description ?? null;
  const cause = causeOf(error, description ?? '');
  return {
    status: ctx.status,
    error: out.error,
    description,
    cause,
    client: onPage(ctx.oidc.client),
    clientId: text(params['client_id']),
    received: cause === 'bad-redirect-uri' ? text(params['redirect_uri']) : cause === 'bad-post-logout-redirect-uri' ? text(params['post_logout_redirect_uri']) : null,
  };
}

function causeOf(error: Error, description: string): EngineProblem['cause'] {
  if (error instanceof errors.InvalidClient) return 'unknown-client';
  if (error instanceof errors.InvalidRedirectUri) return 'bad-redirect-uri';
  if (error instanceof errors.SessionNotFound) return 'expired';
  if (description.includes('post_logout_redirect_uri')) return 'bad-post-logout-redirect-uri';
  if (description.includes('id_token_hint')) return 'bad-id-token-hint';
  if (error instanceof errors.OIDCProviderError) return 'invalid-request';
  return 'fault';
}

export function logoutPages(pages: EnginePages): NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']> {
  return {
    enabled: true,
    logoutSource: async (ctx) =>
      pages.confirmLogout(ctx, {
        form: { action: new URL(ctx.oidc.urlFor('end_session_confirm')).pathname, fields: { xsrf: secretOf(ctx) } },
        client: onPage(ctx.oidc.client),
        accountId: ctx.oidc.session?.accountId ?? '',
      }),
    postLogoutSuccessSource: async (ctx) => pages.loggedOut(ctx, { client: onPage(ctx.oidc.client) }),
  };
}

const deviceProblems: Readonly<Record<string, DeviceProblem>> = { NoCodeError: 'required', NotFoundError: 'unknown', ExpiredError: 'expired', AlreadyUsedError: 'used', AbortedError: 'aborted', ThrottledError: 'throttled' };

/** RFC 8628 §6.1: 20 consonants, eight of them: 34 bits. */
export function devicePages(pages: EnginePages): NonNullable<NonNullable<Configuration['features']>['deviceFlow']> {
  const action = (ctx: KoaContextWithOIDC) => new URL(ctx.oidc.urlFor('code_verification')).pathname;
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => ({ ip: ctx.state['ip'], userAgent: ctx.state['userAgent'] }),
    userCodeInputSource: async (ctx, _form, _out, error) => {
      const known = error && deviceProblems[error.name];
      if (known) ctx.status = 422;
      const userCode = error && 'userCode' in error ? String(error.userCode) : '';
      pages.deviceCode(ctx, { form: { action: action(ctx), fields: { xsrf: secretOf(ctx) } }, userCode, problem: error ? (known ?? 'failed') : null });
    },
    userCodeConfirmSource: async (ctx, _form, client, device, userCode) => {
      const asked = ctx.oidc.entities.DeviceCode?.params as Record<string, unknown> | undefined;
      const scopes = typeof asked?.['scope'] === 'string' ? asked['scope'].split(' ') : [];
      const shown = onPage(client);
      if (!shown) throw new Error('a device code without a client');
      const from = device as { ip?: string; userAgent?: string };
      pages.deviceConfirm(ctx, {
        form: { action: action(ctx), fields: { xsrf: secretOf(ctx), user_code: userCode, confirm: 'yes' } },
        userCode,
        client: shown,
        scopes,
        device: { ip: from.ip ?? '', userAgent: from.userAgent ?? '' },
      });
    },
    successSource: async (ctx) => pages.deviceDone(ctx, { client: onPage(ctx.oidc.client) }),
  };
}

import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { signInExpired } from '../errors.ts';
import { claimDeviceCode } from '../device/device-claim.ts';
import { STAYED } from '../sessions/logout-return.ts';

/** The part of a client that a page may name. */
export type ClientOnPage = { id: string; name: string; homeUrl: string | null };

/** A form of the engine: where it posts to, and the hidden fields that it must carry. */
type EngineForm = { action: string; fields: Readonly<Record<string, string>> };

type DeviceProblem =
  | 'required'
  | 'unknown'
  | 'expired'
  | 'used'
  | 'aborted'
  | 'throttled'
  | 'unavailable'
  /** The form is not the last one that this browser was shown, or from another site. */
  | 'stale';
/** Who asked for a code; `askedAt` is a NumericDate. */
type AskingDevice = { ip: string; userAgent: string; askedAt: number };

/** What the engine shows through us; the slices device and logout draw it. */
export type EnginePages = {
  confirmLogout(
    ctx: KoaContextWithOIDC,
    page: { form: EngineForm; client: ClientOnPage | null; accountId: string; otherApps: number },
  ): Promise<void>;
  loggedOut(ctx: KoaContextWithOIDC, page: { outcome: 'out' | 'stayed'; client: ClientOnPage | null }): void;
  deviceCode(
    ctx: KoaContextWithOIDC,
    page: {
      form: EngineForm;
      userCode: string;
      problem: DeviceProblem | null;
      waitSeconds: number;
      client: ClientOnPage | null;
    },
  ): void;
  deviceConfirm(
    ctx: KoaContextWithOIDC,
    page: {
      form: EngineForm;
      userCode: string;
      client: ClientOnPage;
      scopes: readonly string[];
      /** Identifiers of the APIs that the tokens are to be for. */
      resources: readonly string[];
      device: AskingDevice;
      accountId: string | null;
    },
  ): Promise<void>;
  deviceDone(ctx: KoaContextWithOIDC, page: { client: ClientOnPage | null }): void;
};

export function onPage(client: Client | undefined): ClientOnPage | null {
  if (!client) return null;
  return { id: client.clientId, name: client.clientName ?? client.clientId, homeUrl: client.clientUri ?? null };
}

const secretOf = (ctx: KoaContextWithOIDC): string => (ctx.oidc.session!['state'] as { secret: string }).secret;

export function logoutPages(
  pages: EnginePages,
): NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']> {
  return {
    enabled: true,
    logoutSource: async (ctx) =>
      pages.confirmLogout(ctx, {
        form: { action: new URL(ctx.oidc.urlFor('end_session_confirm')).pathname, fields: { xsrf: secretOf(ctx) } },
        client: onPage(ctx.oidc.client),
        accountId: ctx.oidc.session?.accountId ?? '',
        otherApps: Object.keys(ctx.oidc.session?.authorizations ?? {}).filter((id) => id !== ctx.oidc.client?.clientId)
          .length,
      }),
    postLogoutSuccessSource: async (ctx) =>
      pages.loggedOut(ctx, {
        outcome: ctx.query[STAYED] === undefined ? 'out' : 'stayed',
        client: onPage(ctx.oidc.client),
      }),
  };
}

const deviceProblems: Readonly<Record<string, DeviceProblem>> = {
  NoCodeError: 'required',
  NotFoundError: 'unknown',
  ExpiredError: 'expired',
  AlreadyUsedError: 'used',
  AbortedError: 'aborted',
  ThrottledError: 'throttled',
  InvalidRequest: 'stale',
};

/** The form into which a person types the code that a device shows. */
export const deviceForm = (ctx: KoaContextWithOIDC): EngineForm => ({
  action: new URL(ctx.oidc.urlFor('code_verification')).pathname,
  fields: { xsrf: secretOf(ctx) },
});

/** RFC 8628 §6.1: 20 consonants, eight of them: 34 bits. */
export function devicePages(
  pages: EnginePages,
  renderError: NonNullable<Configuration['renderError']>,
): NonNullable<NonNullable<Configuration['features']>['deviceFlow']> {
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => ({ ip: ctx.state['ip'], userAgent: ctx.state['userAgent'] }),
    userCodeInputSource: async (ctx, _form, out, error) => {
      if (error instanceof errors.SessionNotFound) throw signInExpired(error);
      const known = error ? deviceProblems[error.name] : null;
      // No other code helps: the client is gone, or may not ask for this any more.
      if (known === undefined && error instanceof errors.OIDCProviderError && error.statusCode < 500)
        return renderError(ctx, out!, error);
      const problem = known === undefined ? 'unavailable' : known;
      const userCode = error && 'userCode' in error ? String(error.userCode) : '';
      const waitSeconds = error && 'waitSeconds' in error ? Number(error.waitSeconds) : 0;
      pages.deviceCode(ctx, {
        form: deviceForm(ctx),
        userCode,
        problem,
        waitSeconds,
        client: onPage(ctx.oidc.client),
      });
    },
    userCodeConfirmSource: async (ctx, _form, client, device, userCode) => {
      await claimDeviceCode(ctx);
      const asked = ctx.oidc.entities.DeviceCode?.params;
      const resources = [asked?.['resource']].flat().filter((resource) => typeof resource === 'string');
      const scopes = typeof asked?.['scope'] === 'string' ? asked['scope'].split(' ') : [];
      const shown = onPage(client);
      if (!shown) throw new Error('a device code without a client');
      const from = device as { ip?: string; userAgent?: string };
      await pages.deviceConfirm(ctx, {
        form: { ...deviceForm(ctx), fields: { xsrf: secretOf(ctx), user_code: userCode } },
        userCode,
        client: shown,
        scopes,
        resources,
        device: { ip: from.ip ?? '', userAgent: from.userAgent ?? '', askedAt: ctx.oidc.entities.DeviceCode?.iat ?? 0 },
        accountId: ctx.oidc.session?.accountId ?? null,
      });
    },
    successSource: async (ctx) => pages.deviceDone(ctx, { client: onPage(ctx.oidc.client) }),
  };
}

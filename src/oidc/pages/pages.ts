import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { endSession } from '../patches/inner-parts.ts';
import { ownPathOf } from '../engine.ts';
import { STAYED } from '../sessions/logout-return.ts';

/** The part of a client that a page may name. */
export type ClientOnPage = { id: string; name: string; homeUrl: string | null };

/** A form of the engine: where it posts to, and the hidden fields that it must carry. */
export type EngineForm = { action: string; fields: Readonly<Record<string, string>> };

export type DeviceProblem =
  | 'required'
  | 'incomplete'
  | 'unknown'
  | 'expired'
  | 'used'
  | 'aborted'
  | 'throttled'
  | 'unavailable'
  /** The form is not the last one that this browser was shown, or from another site. */
  | 'stale';
/** The origin of the request for a code; `askedAt` is a NumericDate. */
type AskingDevice = { ip: string; userAgent: string; askedAt: number };

/** The engine's pages; the slices device and logout render them. */
export type EnginePages = {
  confirmLogout(
    ctx: KoaContextWithOIDC,
    page: {
      form: EngineForm;
      client: ClientOnPage | null;
      accountId: string;
      sessionId: string;
      otherApps: number;
    },
  ): Promise<void>;
  /** The sign-out goes on at the provider that the user chose, and then at `next`. Null: it goes on at `next`. */
  leaveUpstream(sessionId: string, connection: string, next: string): Promise<string | null>;
  /** The provider at which the user of a session that was just ended can sign out, too; null without one. */
  offerUpstream(sessionId: string): Promise<{ slug: string; name: string } | null>;
  /** The page shows once what the sign-out kept for it. */
  loggedOut(ctx: KoaContextWithOIDC, page: { outcome: 'out' | 'stayed'; client: ClientOnPage | null }): void;
  /** The form for a code; `problem`: what is true of the request whose page this is, or of the form that was sent. */
  deviceCode(
    ctx: KoaContextWithOIDC,
    page: { form: EngineForm; userCode: string; problem: 'expired' | 'used' | 'stale' | null },
  ): void;
  /** Leads to the form, which shows once what was wrong. */
  deviceRefused(
    ctx: KoaContextWithOIDC,
    refused: {
      path: string;
      userCode: string;
      problem: Exclude<DeviceProblem, 'stale'>;
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
  deviceDone(ctx: KoaContextWithOIDC, page: { outcome: 'connected' | 'stopped'; client: ClientOnPage | null }): void;
};

/** The data of a client on a page; null without a client. */
export function onPage(client: Client | undefined): ClientOnPage | null {
  if (!client) return null;
  return { id: client.clientId, name: client.clientName ?? client.clientId, homeUrl: client.clientUri ?? null };
}

const secretOf = (ctx: KoaContextWithOIDC): string => (ctx.oidc.session!['state'] as { secret: string }).secret;

/**
 * The engine's configuration of RP-initiated logout with our pages. A sign-out that needs no question ends in the same request,
 * by the code that the answer to the question runs.
 */
export function logoutPages(
  pages: EnginePages,
  mayLeaveUnasked: (ctx: KoaContextWithOIDC) => Promise<boolean>,
): NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']> {
  return {
    enabled: true,
    async logoutSource(ctx) {
      if (await mayLeaveUnasked(ctx)) {
        Object.assign(ctx.oidc.params!, { logout: 'yes' });
        return endSession(ctx);
      }
      return pages.confirmLogout(ctx, {
        form: { action: ownPathOf(ctx.oidc, 'end_session_confirm'), fields: { xsrf: secretOf(ctx) } },
        client: onPage(ctx.oidc.client),
        accountId: ctx.oidc.session?.accountId ?? '',
        sessionId: ctx.oidc.session?.uid ?? '',
        otherApps: Object.keys(ctx.oidc.session?.authorizations ?? {}).filter((id) => id !== ctx.oidc.client?.clientId)
          .length,
      });
    },
    postLogoutSuccessSource: async (ctx) =>
      pages.loggedOut(ctx, {
        outcome: ctx.query[STAYED] === undefined ? 'out' : 'stayed',
        client: onPage(ctx.oidc.client),
      }),
  };
}

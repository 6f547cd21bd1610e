/**
 * logout: the pages of a sign-out.
 *
 * Owns    views/sign-in/logout: "sign out?", "you are signed out".
 * Leaves  the end of the session, notices to other apps and the check of the redirect to oidc.
 * URLs    none of its own: the engine shows them at /oidc/logout.
 */
import type { Context } from '#kernel/http/context.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { show } from '#kernel/views.ts';
import type { EnginePages } from '#oidc/module.ts';
import { shownAccount, type User, type UserId } from '#directory/users/module.ts';
import { logoutConfirmView, logoutDoneView } from './logout-view.ts';

export type Dependencies = {
  users: { findById(id: UserId): Promise<User | null> };
  upstream: {
    /** The provider at which the user of a session can sign out, too. */
    offered(sessionId: string): Promise<{ slug: string; name: string } | null>;
    /** Where the browser signs out there, and comes back to go on at `next`; null where that is not possible. */
    begin(sessionId: string, connection: string, next: string): Promise<string | null>;
    /** A text for a form: the sign-out there that goes on after the session here has ended. */
    ticket(sessionId: string, connection: string): string;
  };
  /** Where one can sign in again without an app, null where there is no such place. */
  signInUrl: string | null;
  /** Puts the pages of this request into the brand of the client. */
  dress(ctx: Pick<Context, 'state'>, clientId: string): Promise<void>;
};

/** Kept by a sign-out that asked nothing, for its last page. */
const donePage = formPage<{ upstream: { slug: string; name: string; session: string } }>();

/** Creates the pages of RP-initiated logout. */
export function createLogout({ users, upstream, signInUrl, dress }: Dependencies): {
  pages: Pick<EnginePages, 'confirmLogout' | 'leaveUpstream' | 'offerUpstream' | 'loggedOut'>;
} {
  return {
    pages: {
      async confirmLogout(ctx, { form, client, accountId, sessionId, otherApps }) {
        if (client) await dress(ctx, client.id);
        const user = await users.findById(accountId as UserId);
        const account = user && shownAccount(user);
        show(ctx, 200, logoutConfirmView, {
          ...form,
          account,
          client: client && { name: client.name },
          otherApps,
          upstream: await upstream.offered(sessionId),
        });
      },
      leaveUpstream: (sessionId, connection, next) => upstream.begin(sessionId, connection, next),
      offerUpstream: (sessionId) => upstream.offered(sessionId),
      loggedOut(ctx, { outcome, client }) {
        const { upstream: left } = donePage.refused(ctx);
        show(ctx, 200, logoutDoneView, {
          outcome,
          client: client && { name: client.name, homeUrl: client.homeUrl },
          signInUrl: outcome === 'out' ? signInUrl : null,
          upstream:
            left === undefined
              ? null
              : {
                  action: `/federation/${left.slug}/sign-out`,
                  fields: { ticket: upstream.ticket(left.session, left.slug) },
                  name: left.name,
                },
        });
      },
    },
  };
}

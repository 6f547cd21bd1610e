import { system } from '#audit/module.ts';
import { z } from 'zod';
import { form } from '#kernel/http/form.ts';
import { readForm } from '#kernel/http/body.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { noteRefusal } from '#kernel/http/request-log.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { LONGEST_LOGOUT_TOKEN, LONGEST_STATE, SHORTEST_GUESSLESS_NAME, SIGNED_NAME } from './limits.ts';
import type { UpstreamSessions } from './upstream-sessions.ts';
import type { UpstreamSignOut } from './upstream-sign-out.ts';

export type UpstreamLogoutDependencies = {
  sessions: Pick<UpstreamSessions, 'end'>;
  signOut: Pick<UpstreamSignOut, 'next' | 'useTicket'>;
  logout: {
    /** The session that a logout token of the provider ends, once. */
    read(
      connection: string,
      token: string,
    ): Promise<
      | { kind: 'ended'; issuer: string; subject: string | null; session: string | null }
      | { kind: 'refused'; reason: string }
    >;
  };
};

const ticketForm = form(z.object({ ticket: z.string().max(LONGEST_STATE) }));
/** The page that says that the user is signed out. */
const SIGNED_OUT = '/oidc/logout/success';

/** Providers tell here that a user has signed out there. Their requests carry no cookie of ours, and need none. */
export function upstreamLogoutRoutes({ sessions, signOut, logout }: UpstreamLogoutDependencies): Router<State> {
  const router = new Router<State>();

  router.post('/federation/:connection/backchannel-logout', endByToken);
  router.get('/federation/:connection/frontchannel-logout', endByName);
  router.post('/federation/:connection/sign-out', leave);
  router.get('/federation/:connection/signed-out', goOn);

  /** OpenID Connect Back-Channel Logout 1.0 §2.5 and §2.8: 200 also where no session is left. */
  async function endByToken(ctx: Context): Promise<void> {
    const connection = ctx.params['connection'] ?? '';
    const token = (await readForm(ctx)).get('logout_token') ?? '';
    const read = await logout.read(connection, token.slice(0, LONGEST_LOGOUT_TOKEN));
    ctx.set('Cache-Control', 'no-store');
    if (read.kind === 'refused') {
      noteRefusal(ctx, { reason: `logout token for ${connection}: ${read.reason}` });
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: 'The logout token is not valid.' };
      return;
    }
    const { issuer, subject, session } = read;
    await sessions.end({ connection, issuer, subject, names: session === null ? null : [session] }, system);
    ctx.status = 200;
    ctx.body = '';
  }

  /**
   * OpenID Connect Front-Channel Logout 1.0 §2: the provider loads this address in a frame, where browsers send no cookie of ours. So the
   * name of the session there is the proof, and one that could be guessed is none.
   */
  async function endByName(ctx: Context): Promise<void> {
    const { iss, sid } = ctx.query;
    const connection = ctx.params['connection'] ?? '';
    if (
      typeof iss === 'string' &&
      typeof sid === 'string' &&
      sid.length >= SHORTEST_GUESSLESS_NAME &&
      !sid.startsWith(SIGNED_NAME)
    )
      await sessions.end({ connection, issuer: iss, subject: null, names: [sid] }, system);
    ctx.set('Cache-Control', 'no-store');
    ctx.status = 200;
    ctx.body = '';
  }

  /** The session here has ended without a question, and its user signs out at the provider, too. */
  async function leave(ctx: Context): Promise<void> {
    const { ticket } = (await ticketForm.read(ctx)).values;
    const away = await signOut.useTicket(ctx.params['connection'] ?? '', ticket);
    return away === null ? seeOther(ctx, SIGNED_OUT) : seeOther(ctx, away, [away]);
  }

  /** A browser is back from the sign-out at the provider, which began with a sign-out here. */
  function goOn(ctx: Context): void {
    const next = signOut.next(ctx.params['connection'] ?? '', ctx.query['state']);
    return next === null ? seeOther(ctx, SIGNED_OUT) : seeOther(ctx, next, [next]);
  }

  return router;
}

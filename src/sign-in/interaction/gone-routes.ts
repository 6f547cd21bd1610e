import type { Context, Middleware } from '#kernel/http/context.ts';
import { show } from '#kernel/views.ts';
import { type CurrentSessions, type GoneSignIn, type GoneSignIns, isSignInExpired } from '#oidc/module.ts';
import { identifierOf, type UserId, type UserService } from '#directory/users/module.ts';
import { type GoneKind, goneView } from './gone-view.ts';

export type GoneDependencies = {
  gone: Pick<GoneSignIns, 'describe'>;
  current: Pick<CurrentSessions, 'find'>;
  users: Pick<UserService, 'findById'>;
};

/** The pages of a sign-in, and the addresses at which the engine goes on with one. */
const pageOfSignIn = /^\/(?:interaction|oidc\/auth|oidc\/device)\/([\w-]+)(?:\/|$)/;

/**
 * A sign-in that is gone: its page says what is true and leads on. A browser learns nothing about a sign-in of another browser, nor
 * about a user who is not signed in in this one.
 */
export function showGone({ gone, current, users }: GoneDependencies): Middleware {
  return async function showGone(ctx: Context, next) {
    try {
      return await next();
    } catch (error) {
      const uid = pageOfSignIn.exec(ctx.originalUrl.split('?', 1)[0] ?? '')?.[1];
      if (uid === undefined || !isSignInExpired(error) || ctx.accepts('html', 'json') === 'json') throw error;
      return showPage(ctx, await gone.describe(ctx, uid));
    }
  };

  async function showPage(ctx: Context, found: GoneSignIn): Promise<void> {
    const { app, againPath, isForDevice, isAnswered, begunAt, isOver } = found;
    const session = await current.find(ctx);
    const user = session && (await users.findById(session.accountId as UserId));
    const isSignedIn = session !== null && user?.status === 'active';
    const isFinishedByProof = begunAt !== null && session !== null && session.authTime >= begunAt && againPath === null;
    const isFinished = isSignedIn && (isAnswered || isFinishedByProof);
    const ending: GoneKind = isOver ? 'expired' : 'ended';
    show(ctx, 410, goneView, {
      kind: begunAt === null ? 'elsewhere' : isFinished ? 'done' : ending,
      signedInAs: isSignedIn ? identifierOf(user) : null,
      againUrl: againPath,
      app,
      deviceUrl: isForDevice ? '/oidc/device' : null,
      accountUrl: '/account',
    });
  }
}

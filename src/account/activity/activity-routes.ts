import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type AuditReader, type By, byUser, type PastEvent, type ShownEventType } from '#audit/module.ts';
import type { ClientLookup } from '#applications/clients/module.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { accountFrame } from '../account-frame.ts';
import { activityView, notMeView, type ShownEvent } from './activity-view.ts';
import type { PlaceText } from '../devices/device-text.ts';
import { toldEvents } from './shown-events.ts';
import { ACTIVITY_PAGE } from '../limits.ts';

type ActivityRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  events: Pick<AuditReader, 'listOfUser'>;
  catalogue: readonly ShownEventType[];
  clients: Pick<ClientLookup, 'find'>;
  place: PlaceText;
  /** "This was not me": ends everything, and mails the way back in. */
  notMe: { lock(userId: UserId, by: By): Promise<void> };
};

const PAGE = '/account/activity';
const NOT_ME = `${PAGE}/not-me`;
const PASSWORD = '/account/password';
const noFields = form(z.object({}));

/**
 * Routes of `/account/activity`: the user's events, and "This was not me", which needs a sign-in within the last five
 * minutes.
 */
export function activityRoutes(deps: ActivityRouteDependencies): Router<State> {
  const { ownPages, events, notMe } = deps;
  const shown = toldEvents(deps.catalogue);
  const types = [...shown.keys()];
  const router = new Router<State>();

  router.get(PAGE, showActivity);
  router.get(NOT_ME, showNotMe);
  router.post(NOT_ME, lockAccount);

  async function showActivity(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const before = typeof ctx.query['before'] === 'string' ? parseId('evt', ctx.query['before']) : null;
    const found = await events.listOfUser(person.userId, { types, before, limit: ACTIVITY_PAGE + 1 });
    const shown = found.slice(0, ACTIVITY_PAGE);
    const last = found.length > ACTIVITY_PAGE ? shown.at(-1) : undefined;
    show(ctx, 200, activityView, {
      frame: accountFrame(ctx, person),
      events: await Promise.all(shown.map((event) => shownEvent(ctx, event))),
      olderUrl: last ? `${PAGE}?before=${last.id}` : null,
    });
  }

  async function showNotMe(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    if (!person.user.email) return seeOther(ctx, PASSWORD);
    show(ctx, 200, notMeView, { frame: accountFrame(ctx, person) });
  }

  /**
   * It removes the password. An owner who cannot sign in uses the link in the mail about the sign-in instead. Without an email address
   * no mail leads back, so the owner changes the password, which ends the other sessions, too.
   */
  async function lockAccount(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    await noFields.read(ctx);
    if (!person.user.email) return seeOther(ctx, PASSWORD);
    await notMe.lock(person.userId, byUser(person.userId, visitorOf(ctx)));
    return seeOther(ctx, '/not-me/done');
  }

  async function shownEvent(ctx: Context, { type, at, clientId, ip, userAgent }: PastEvent): Promise<ShownEvent> {
    const app = clientId === null ? null : await deps.clients.find(clientId);
    return {
      ...shown.get(type)!,
      at,
      app: app?.name ?? null,
      ...deviceName(userAgent ?? ''),
      place: ip === null ? null : deps.place(ip, ctx.state.language),
      ip,
    };
  }

  return router;
}

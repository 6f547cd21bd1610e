import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import type { UserId } from '#directory/users/module.ts';
import { appsView, type LaunchableApp } from './apps-view.ts';
import type { ConnectedApps } from './connected-apps.ts';

const PAGE = '/account/apps';
const removeForm = form(z.object({ app: z.string().min(1).max(255) }));

export type AppRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  apps: ConnectedApps;
  /** Applications whose sign-in begins here. */
  launches: { list(userId: UserId): Promise<readonly LaunchableApp[]> };
};

/** Routes of `/account/apps`: connected apps, and their disconnection. */
export function appRoutes({ ownPages, apps, launches }: AppRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showApps);
  router.post(PAGE, removeApp);

  async function showApps(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const [connected, launchable] = await Promise.all([apps.list(person.userId), launches.list(person.userId)]);
    show(ctx, 200, appsView, { frame: accountFrame(ctx, person), apps: connected, launchable });
  }

  async function removeApp(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const form = await removeForm.read(ctx);
    if (!form.isValid) return;
    await apps.revoke(person.userId, form.values.app, byUser(person.userId, visitorOf(ctx)));
    return seeOther(ctx, `${PAGE}?done=disconnected`);
  }

  return router;
}

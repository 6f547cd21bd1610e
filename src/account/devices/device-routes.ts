import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages, SessionService } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type PlaceText, shownDevices } from './device-text.ts';
import { devicesView } from './devices-view.ts';

type DeviceRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  sessions: Pick<SessionService, 'list' | 'end' | 'endElsewhere'>;
  place: PlaceText;
};

const PAGE = '/account/devices';
const endForm = form(z.object({ action: z.enum(['logout', 'others']), device: z.string().max(128).default('') }));

/** Routes of `/account/devices`: signed-in browsers, and their sign-out. */
export function deviceRoutes({ ownPages, sessions, place }: DeviceRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showDevices);
  router.post(PAGE, endDevices);

  async function showDevices(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const devices = shownDevices(await sessions.list(person.userId), {
      currentId: person.sessionId,
      place: (ip) => place(ip, ctx.state.language),
    });
    show(ctx, 200, devicesView, {
      frame: accountFrame(ctx, person),
      devices,
      knowsPlaces: devices.some((device) => device.place !== null),
    });
  }

  async function endDevices(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const form = await endForm.read(ctx);
    if (!form.isValid) return;
    const { userId, sessionId } = person;
    const by = byUser(userId, visitorOf(ctx));
    if (form.values.action === 'others') await sessions.endElsewhere(userId, sessionId, by);
    // A session of another user, or an ended one, is not found.
    else await sessions.end(userId, form.values.device, by);
    return seeOther(ctx, `${PAGE}?done=signed_out`);
  }

  return router;
}

import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import type { PasskeyService, TrustedDevice, TrustedDeviceId, TrustedDevices } from '#credentials/module.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import type { Linking } from '../linked-accounts/linked-accounts.ts';
import { kindOf } from '../devices/device-text.ts';
import type { Methods } from './methods.ts';
import { securityView } from './security-view.ts';

type SecurityRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  methods: Methods;
  passkeys: Pick<PasskeyService, 'accepted'>;
  trustedDevices: Pick<TrustedDevices, 'list' | 'revoke'>;
  linking: Pick<Linking, 'offered'>;
};

const PAGE = '/account/security';
const trustForm = form(z.object({ device: z.string().max(64) }));

/** Routes of `/account/security`: overview of sign-in methods, and trusted browsers. */
export function securityRoutes(deps: SecurityRouteDependencies): Router<State> {
  const { ownPages, methods, passkeys, trustedDevices, linking } = deps;
  const router = new Router<State>();

  router.get(PAGE, showSecurity);
  router.post('/account/trusted-devices', forgetTrustedDevices);

  async function showSecurity(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { userId } = person;
    const [found, trusted, offered] = await Promise.all([
      methods.find(userId),
      trustedDevices.list(userId),
      linking.offered(),
    ]);
    const hasChanged = ctx.query['passkeys'] === 'changed';
    const accepted = hasChanged ? await passkeys.accepted(userId) : null;
    show(ctx, 200, securityView, {
      frame: accountFrame(ctx, person),
      passkeys: found.hasPasskeys ? found.passkeys : null,
      app: found.app && { name: found.app.name, addedAt: found.app.createdAt },
      codes: found.codes && { left: found.codes.left, isFew: found.codes.isFew, madeAt: found.codes.createdAt },
      passwordChangedAt: found.passwordChangedAt,
      linked: found.linked.length + offered.length === 0 ? null : found.linked,
      trusted: trusted.map(shownTrust),
      accepted: accepted && JSON.stringify(accepted),
    });
  }

  async function forgetTrustedDevices(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { returnTo: PAGE });
    if (person === null) return;
    const form = await trustForm.read(ctx);
    const id: TrustedDeviceId | null = form.isValid ? parseId('tdev', form.values.device) : null;
    const isRevoked =
      id !== null && (await trustedDevices.revoke(person.userId, id, byUser(person.userId, visitorOf(ctx))));
    if (isRevoked) seeOther(ctx, `${PAGE}?done=removed`);
  }

  return router;
}

function shownTrust({ id, userAgent, expiresAt }: TrustedDevice) {
  const { browser, system } = deviceName(userAgent);
  return { id, kind: kindOf(system), browser, system, expiresAt };
}

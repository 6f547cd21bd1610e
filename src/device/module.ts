/**
 * device: the pages on which a person connects a device that has no browser (RFC 8628).
 *
 * Owns    views/device: the code, the confirmation, the end.
 * Leaves  codes and tokens to oidc, signing in to interaction.
 * URLs    none of its own: the engine shows them at /oidc/device.
 */
import { fromNow, SECOND, type Clock } from '#kernel/clock.ts';
import { show } from '#kernel/views.ts';
import type { EnginePages } from '#oidc/module.ts';
import type { User, UserId } from '#users/module.ts';
import { type DeviceCodeProblem, deviceCodeView } from './code-view.ts';
import { deviceConfirmView } from './confirm-view.ts';
import { deviceDoneView } from './done-view.ts';

export type Dependencies = { clock: Clock; users: { findById(id: UserId): Promise<User | null> } };

export function createDevice({ clock, users }: Dependencies): {
  pages: Pick<EnginePages, 'deviceCode' | 'deviceConfirm' | 'deviceDone'>;
} {
  return {
    pages: {
      deviceCode(ctx, { form, userCode, problem, waitSeconds, client }) {
        if (problem === 'aborted')
          return show(ctx, 200, deviceDoneView, { outcome: 'stopped', client: { name: client?.name ?? '' } });
        const status = problem === null ? 200 : problem === 'unavailable' ? 503 : 422;
        return show(ctx, status, deviceCodeView, {
          ...form,
          userCode,
          problem: problem && describe(problem, waitSeconds),
        });
      },
      async deviceConfirm(ctx, { form, userCode, client, scopes, device, accountId }) {
        const user = accountId === null ? null : await users.findById(accountId as UserId);
        const account = user && { name: user.profile.name ?? null, email: user.email };
        const asked = {
          place: null,
          ip: device.ip,
          userAgent: device.userAgent,
          secondsAgo: Math.max(0, Math.round(clock.now().getTime() / SECOND) - device.askedAt),
        };
        show(ctx, 200, deviceConfirmView, {
          ...form,
          userCode,
          client: { name: client.name },
          scopes: scopes.map((name) => ({ name, description: null, api: null })),
          asked,
          account,
          switchUrl: null,
        });
      },
      deviceDone(ctx, { client }) {
        show(ctx, 200, deviceDoneView, { outcome: 'connected', client: { name: client?.name ?? '' } });
      },
    },
  };

  function describe(
    kind: Exclude<Parameters<EnginePages['deviceCode']>[1]['problem'], null | 'aborted'>,
    waitSeconds: number,
  ): DeviceCodeProblem {
    return kind === 'throttled' ? { kind, waitSeconds, until: fromNow(clock, waitSeconds * SECOND) } : { kind };
  }
}

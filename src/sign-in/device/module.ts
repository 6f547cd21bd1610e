/**
 * device: the pages on which a user connects a device that has no browser (RFC 8628).
 *
 * Owns    views/sign-in/device: the code, the confirmation, the end.
 * Leaves  codes and tokens to oidc, the sign-in to interaction.
 * URLs    /device, the short address for people; the engine shows the pages at /oidc/device.
 */
import type { ApiLookup } from '#applications/apis/module.ts';
import { fromNow, SECOND, type Clock } from '#kernel/clock.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { inPopup, type Mount, READ } from '#kernel/http/mounts.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { show } from '#kernel/views.ts';
import type { EnginePages } from '#oidc/module.ts';
import { shownAccount, type User, type UserId } from '#directory/users/module.ts';
import { type DeviceCodeProblem, deviceCodeView } from './code-view.ts';
import { type DeviceConfirmPage, deviceConfirmView } from './confirm-view.ts';
import { deviceDoneView } from './done-view.ts';

export type Dependencies = {
  clock: Clock;
  users: { findById(id: UserId): Promise<User | null> };
  apis: Pick<ApiLookup, 'find'>;
  /** Puts the pages of this request into the brand of the client. */
  dress(ctx: Pick<Context, 'state'>, clientId: string): Promise<void>;
};

const SHORT_PATH = '/device';
const FORM_PATH = '/oidc/device';

/** Where people type the code of a device; the pages have their addresses with the engine. */
export const deviceMounts: readonly Mount[] = [{ path: SHORT_PATH, audience: 'page', methods: READ, ...inPopup }];

type Problem = Parameters<EnginePages['deviceRefused']>[1]['problem'];

/** The result of a form about a code, shown once. */
const codePage = formPage<{ userCode: string; problem: Problem; until: Date | null; clientName: string }>();

/** Creates the pages of the device flow (RFC 8628). */
export function createDevice({ clock, users, apis, dress }: Dependencies): {
  pages: Pick<EnginePages, 'deviceCode' | 'deviceRefused' | 'deviceConfirm' | 'deviceDone'>;
  routes: Router<State>;
} {
  const routes = new Router<State>();
  routes.get(SHORT_PATH, leadToForm);
  return {
    routes,
    pages: {
      deviceCode(ctx, { form, userCode, problem }) {
        if (problem !== null) {
          const kind = problem === 'stale' ? 'expired' : problem;
          return show(ctx, problem === 'stale' ? 403 : 200, deviceCodeView, { ...form, userCode, problem: { kind } });
        }
        const refused = codePage.refused(ctx);
        if (refused.problem === 'aborted')
          return show(ctx, 200, deviceDoneView, { outcome: 'stopped', client: { name: refused.clientName ?? '' } });
        return show(ctx, 200, deviceCodeView, {
          ...form,
          userCode: refused.userCode ?? userCode,
          problem: refused.problem ? describe(refused.problem, refused.until ?? clock.now()) : null,
        });
      },
      deviceRefused(ctx, { path, userCode, problem, waitSeconds, client }) {
        const until = problem === 'throttled' ? fromNow(clock, waitSeconds * SECOND) : null;
        codePage.refuse(ctx, path, { userCode, problem, until, clientName: client?.name ?? '' });
      },
      async deviceConfirm(ctx, { form, userCode, client, scopes, resources, device, accountId }) {
        await dress(ctx, client.id);
        const user = accountId === null ? null : await users.findById(accountId as UserId);
        const account = user && shownAccount(user);
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
          scopes: await describeScopes(scopes, resources),
          asked,
          account,
          email: user?.email ?? null,
          switchUrl: null,
        });
      },
      deviceDone(ctx, { outcome, client }) {
        show(ctx, 200, deviceDoneView, { outcome, client: { name: client?.name ?? '' } });
      },
    },
  };

  /** With the code of a link or a QR code, and with the language of the page. */
  function leadToForm(ctx: Context): void {
    seeOther(ctx, `${FORM_PATH}${ctx.search}`);
  }

  /** A scope of an API is shown in its words; one that no API of the request has, as it is. */
  async function describeScopes(
    names: readonly string[],
    resources: readonly string[],
  ): Promise<DeviceConfirmPage['scopes']> {
    const asked = (await Promise.all(resources.map((identifier) => apis.find(identifier)))).filter(
      (api) => api !== null,
    );
    return names.flatMap((name): DeviceConfirmPage['scopes'][number][] => {
      const found = asked.flatMap((api) =>
        api.scopes
          .filter((scope) => scope.name === name)
          .map(({ description }) => ({ name, description: description || null, api: api.name })),
      );
      return found.length > 0 ? found : [{ name, description: null, api: null }];
    });
  }

  function describe(problem: Exclude<Problem, 'aborted'>, until: Date): DeviceCodeProblem {
    if (problem !== 'throttled') return { kind: problem };
    const waitSeconds = Math.max(1, Math.ceil((until.valueOf() - clock.now().valueOf()) / SECOND));
    return { kind: problem, waitSeconds, until };
  }
}

import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { seeOther } from '#kernel/http/redirect.ts';
import { ownPathOf } from '../engine.ts';
import type { DeviceForms } from '../device/device-forms.ts';
import { isHeldBy, readUserCode, shownUserCode } from '../device/device-code.ts';
import type { ShownDevice, ShownDevices } from '../device/shown-devices.ts';
import { signInExpired } from '../errors.ts';
import { type DeviceProblem, type EngineForm, type EnginePages, onPage } from './pages.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
type RenderError = NonNullable<Configuration['renderError']>;

/** A device code as the engine reads it. */
type Request = {
  clientId?: string;
  accountId?: string;
  error?: string;
  errorDescription?: string;
  deviceInfo?: { ip?: string; userAgent?: string; claimedBy?: string };
  params?: Readonly<Record<string, unknown>>;
  iat: number;
  isExpired: boolean;
};

const problems: Readonly<Record<string, DeviceProblem>> = {
  NoCodeError: 'required',
  IncompleteError: 'incomplete',
  NotFoundError: 'unknown',
  ExpiredError: 'expired',
  AlreadyUsedError: 'used',
  AbortedError: 'aborted',
  ThrottledError: 'throttled',
  InvalidRequest: 'stale',
};

const pathTo = (ctx: KoaContextWithOIDC): string => ownPathOf(ctx.oidc, 'code_verification');

/** The form into which a user types the code that a device shows. */
export const deviceForm = (ctx: KoaContextWithOIDC, forms: Pick<DeviceForms, 'tokenOf'>): EngineForm => ({
  action: pathTo(ctx),
  fields: { xsrf: forms.tokenOf(ctx.oidc.session!) },
});

/**
 * RFC 8628 §6.1: 20 consonants, eight of them: 34 bits.
 *
 * Every form answers 303. The request that a browser claimed has a page of its own there, which says how it stands now: asked for,
 * connected, stopped, over.
 */
export function devicePages(
  pages: EnginePages,
  forms: Pick<DeviceForms, 'tokenOf'>,
  shown: Pick<ShownDevices, 'keep' | 'find' | 'pageOf'>,
  renderError: RenderError,
): DeviceFlow {
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => ({ ip: ctx.state['ip'], userAgent: ctx.state['userAgent'] }),
    async userCodeInputSource(ctx, _form, out, error) {
      if (error !== undefined) return answerError(ctx, out!, error);
      const page = ctx.query['device'];
      const device = typeof page === 'string' ? shown.find(ctx, sessionOf(ctx), page) : null;
      return device === null ? showCode(ctx, { userCode: '', problem: null }) : showRequest(ctx, device);
    },
    async userCodeConfirmSource(ctx, _form, _client, _device, denormalized) {
      const typed = ctx.oidc.params?.['user_code'];
      const userCode = typeof typed === 'string' ? shownUserCode(typed) : denormalized;
      const handle = String((ctx.oidc.entities.DeviceCode as unknown as { jti?: string } | undefined)?.jti);
      goTo(ctx, shown.keep(ctx, sessionOf(ctx), { handle, userCode }));
    },
    async successSource(ctx) {
      if (!goToOwn(ctx)) pages.deviceDone(ctx, { outcome: 'connected', client: onPage(ctx.oidc.client) });
    },
  };

  async function answerError(ctx: KoaContextWithOIDC, out: Parameters<RenderError>[1], error: Error): Promise<void> {
    if (error instanceof errors.SessionNotFound) throw signInExpired(error);
    const known = problems[error.name];
    const userCode = 'userCode' in error ? String(error.userCode) : '';
    if (known === 'stale') return showCode(ctx, { userCode, problem: known });
    const isRefusedByEngine =
      known === undefined && error instanceof errors.OIDCProviderError && error.statusCode < 500;
    // The page of the request says how it stands, to the browser that claimed it.
    if ((isRefusedByEngine || isAnswer(ctx)) && known !== 'throttled' && goToOwn(ctx, userCode)) return undefined;
    // No other code helps: the client is gone, or may not ask for this any more.
    if (isRefusedByEngine) return renderError(ctx, out, error);
    const waitSeconds = 'waitSeconds' in error ? Number(error.waitSeconds) : 0;
    const problem = known ?? 'unavailable';
    return pages.deviceRefused(ctx, {
      path: pathTo(ctx),
      userCode,
      problem,
      waitSeconds,
      client: onPage(ctx.oidc.client),
    });
  }

  /** How the request stands that this browser claimed. */
  async function showRequest(ctx: KoaContextWithOIDC, { handle, userCode }: ShownDevice): Promise<void> {
    const { DeviceCode, Client } = ctx.oidc.provider;
    const found = await DeviceCode.find(handle, { ignoreExpiration: true, ignoreSessionBinding: true } as object);
    const request = found as unknown as Request | undefined;
    const client = request && (await Client.find(String(request.clientId)));
    if (!request) return showCode(ctx, { userCode, problem: 'expired' });
    if (!client) return refuse(ctx, new errors.InvalidClient('client is invalid', 'client not found'));
    const { uid, accountId } = ctx.oidc.session!;
    if (request.accountId !== undefined && request.accountId === accountId)
      return pages.deviceDone(ctx, { outcome: 'connected', client: onPage(client) });
    const isOwn = request.deviceInfo?.claimedBy === uid;
    if (isOwn && request.error === 'access_denied')
      return pages.deviceDone(ctx, { outcome: 'stopped', client: onPage(client) });
    if (isOwn && request.error !== undefined)
      return refuse(ctx, new errors.CustomOIDCProviderError(request.error, request.errorDescription ?? ''));
    if (request.isExpired) return showCode(ctx, { userCode, problem: 'expired' });
    if (!isHeldBy(uid, request)) return showCode(ctx, { userCode, problem: 'used' });
    return showConfirmation(ctx, request, userCode, onPage(client)!);
  }

  async function showConfirmation(
    ctx: KoaContextWithOIDC,
    { params, deviceInfo, iat }: Request,
    userCode: string,
    client: NonNullable<ReturnType<typeof onPage>>,
  ): Promise<void> {
    const { action, fields } = deviceForm(ctx, forms);
    const resources = [params?.['resource']].flat().filter((resource) => typeof resource === 'string');
    return pages.deviceConfirm(ctx, {
      form: { action, fields: { ...fields, user_code: userCode } },
      userCode,
      client,
      scopes: typeof params?.['scope'] === 'string' ? params['scope'].split(' ') : [],
      resources,
      device: { ip: deviceInfo?.ip ?? '', userAgent: deviceInfo?.userAgent ?? '', askedAt: iat },
      accountId: ctx.oidc.session?.accountId ?? null,
    });
  }

  function showCode(
    ctx: KoaContextWithOIDC,
    { userCode, problem }: { userCode: string; problem: 'expired' | 'used' | 'stale' | null },
  ): void {
    pages.deviceCode(ctx, { form: deviceForm(ctx, forms), userCode, problem });
  }

  function refuse(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void | Promise<void> {
    ctx.status = error.statusCode;
    return renderError(ctx, { error: error.error, error_description: error.error_description }, error);
  }

  /** To the page of the request that this is about, where this browser has one. */
  function goToOwn(ctx: KoaContextWithOIDC, userCode = ''): boolean {
    const { entities } = ctx.oidc as unknown as {
      entities: { DeviceCode?: { jti: string }; Interaction?: { deviceCode?: string } };
    };
    const handle = entities.DeviceCode?.jti ?? entities.Interaction?.deviceCode;
    const page = shown.pageOf(ctx, sessionOf(ctx), (device) =>
      handle === undefined ? readUserCode(device.userCode) === readUserCode(userCode) : device.handle === handle,
    );
    if (page !== null) goTo(ctx, page);
    return page !== null;
  }
}

const sessionOf = (ctx: KoaContextWithOIDC): string => ctx.oidc.session!.uid;
const goTo = (ctx: KoaContextWithOIDC, page: string): void => seeOther(ctx, `${pathTo(ctx)}?device=${page}`);

/** A button about a device was pressed, or a sign-in for one ended. A code that was only typed is refused where it was typed. */
const isAnswer = ({ oidc }: KoaContextWithOIDC): boolean =>
  oidc.route === 'device_resume' || oidc.params?.['confirm'] !== undefined || oidc.params?.['abort'] !== undefined;

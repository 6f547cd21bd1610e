/** Parts of the engine that it uses at its own endpoints and does not offer: an API of this process checks tokens by the same code. */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

type Check = (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => Promise<unknown>;

/** They have no types. The exact version is pinned, and a test looks for each name. */
const part = async (path: string): Promise<unknown> => import(`oidc-provider/lib/${path}`);

/** Makes `Provider.ctx` the request that is served. */
export const { default: currentRequest } = (await part('helpers/als.js')) as {
  default: AsyncLocalStorage<KoaContextWithOIDC>;
};

const { default: innerOf } = (await part('helpers/weak_cache.js')) as {
  default(engine: Provider): { configuration: { clockTolerance: number } };
};

/** The settings of an engine as it reads them with each request. */
export const settingsOf = (engine: Provider): { clockTolerance: number } => innerOf(engine).configuration;

/** Finds the token that a request shows, and checks its key (RFC 9449 §7, RFC 8705 §3), its client and its grant, as userinfo does. */
export const { getValidateAccessToken, loadAccessTokenClient, loadAccessTokenGrant } = (await part(
  'shared/access_token.js',
)) as { getValidateAccessToken(): Check; loadAccessTokenClient: Check; loadAccessTokenGrant: Check };

/** Says how to authenticate when a check throws (RFC 6750 §3, RFC 9449 §7.1). */
export const { default: getSetWWWAuthenticateHeader } = (await part('shared/set_www_authenticate_header.js')) as {
  default(): Check;
};

/** The last step of a sign-out, after the answer to its question: notices, grants, the session, its cookie, and the way back. */
const { confirm } = (await part('actions/end_session.js')) as {
  confirm: readonly ((ctx: KoaContextWithOIDC) => Promise<void>)[];
};
const lastStep = confirm.at(-1);
if (lastStep?.name !== 'endSession') throw new Error('the engine has no step endSession');
export const endSession = lastStep;

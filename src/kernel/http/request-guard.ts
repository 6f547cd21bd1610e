/**
 * Refuses bad requests before any feature sees them: requests for another host, targets in a form that two readers could take
 * differently, methods that the path does not have, bodies that are too large or packed.
 */
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { issuerOf } from '../issuer.ts';
import { closeAfterAnswer, collect, declaredLength, invalidText, refuseLarge, unsupported } from './body.ts';
import { watchBody } from './body-watch.ts';
import type { Context, Middleware } from './context.ts';
import type { Mount, Mounts } from './mounts.ts';
import { requireOwnHost, requireSingleCredentials } from './origin.ts';
import { ownPath, seeOther } from './redirect.ts';
import { noteRefusal } from './request-log.ts';
import { FORM_LIMIT, JSON_LIMIT, LONGEST_TARGET } from './limits.ts';

/**
 * Middleware that checks host, target, method and body of each request before any feature (RFC 9110, RFC 9112). It
 * throws 400, 404, 405, 413, 415 or 421.
 */
export function requestGuard(
  config: Pick<Config, 'issuerUrl' | 'issuerAliases' | 'clientCertHeader'>,
  mounts: Pick<Mounts, 'find'>,
): Middleware {
  return async function requestGuard(ctx, next) {
    const { mount } = ctx.state;
    ctx.state.calledOrigin = requireOwnHost(ctx.req, config);
    requireSingleCredentials(ctx.req);
    requireTarget(ctx);
    const page = plainlySpelled(ctx, mounts);
    if (page !== null) return seeOther(ctx, page);
    if (!isPlainPath(ctx.path)) throw notFound();
    if (ctx.state.place === 'outside') noteRefusal(ctx, { reason: OUTSIDE });
    if (mount === undefined) throw knownMethods.has(ctx.method) ? notFound() : notAllowed(ctx, ['GET', 'HEAD']);
    if (!mount.methods.includes(ctx.method)) throw notAllowed(ctx, mount.methods);
    if (ctx.state.calledOrigin !== ctx.origin && isShownPage(ctx, mount)) return seeAtIssuer(ctx, config.issuerUrl);
    if (!mount.delegated) requireSingleParameters(ctx);
    await requireBody(ctx, mount);
    // The engine would make a fault of what a proxy garbled; here it is a bad request.
    if (config.clientCertHeader !== undefined && mount.delegated) void ctx.state.clientCertificate;
    if (!mount.delegated) await awaitBody(ctx, mount);
    if (!mount.delegated || ctx.method === 'GET') return next();

    const body = watchBody(ctx, limitOf(mount));
    try {
      await next();
    } finally {
      if (body.isTooLarge()) await closeAfterAnswer(ctx);
    }
    // The engine knows one status for every bad body.
    if (body.isTooLarge() && ctx.status === 400) ctx.status = 413;
    return undefined;
  };
}

/** For the operator whose proxy takes the path off. */
const OUTSIDE = 'the path is not below the path of ISSUER, which a proxy must pass on unchanged';

/**
 * Users are sent from an alias to the issuer, where their cookies and passkeys are. A request of a program is answered where it
 * came, and so is a form of another site, which is made again by GET (OpenID Connect Core §3.1.2.1); no page of ours stands there
 * to send one.
 */
const isShownPage = ({ method }: Context, { audience }: Mount): boolean =>
  audience === 'page' && (method === 'GET' || method === 'HEAD');

function seeAtIssuer(ctx: Context, issuerUrl: URL): void {
  const page = `${issuerOf(issuerUrl)}${ctx.originalUrl}`;
  seeOther(ctx, page, [page]);
}

function requireTarget(ctx: Context): void {
  const target = ctx.originalUrl;
  if (target.length > LONGEST_TARGET)
    throw new AppError({
      code: 'request.target_too_long',
      status: 414,
      message: `The address is longer than ${LONGEST_TARGET} bytes.`,
    });
  if (ctx.state.place === 'elsewhere')
    throw new AppError({ code: 'request.misdirected', status: 421, message: 'The request is for another host.' });
  if (!/^[\x21-\x7e]*$/.test(target) || target.includes('#')) throw invalidText();
  if (target.includes('%')) requireDecodable(target);
}

function requireDecodable(target: string): void {
  let text;
  try {
    text = decodeURIComponent(target);
  } catch (cause) {
    throw invalidText(cause);
  }
  if (text.includes('\0')) throw invalidText();
}

/**
 * The address of a page of people that was asked for with a slash at its end or with doubled ones, as people and programs write them;
 * null for any other. Endpoints of protocols, and pages whose GET is a step, are known by one spelling alone.
 */
function plainlySpelled(ctx: Context, mounts: Pick<Mounts, 'find'>): string | null {
  if (ctx.state.place !== 'own' || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return null;
  const path = ctx.path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  if (path === ctx.path || !isPlainPath(path)) return null;
  const mount = mounts.find(path);
  if (mount?.audience !== 'page' || mount.delegated || mount.getActs || !mount.methods.includes('GET')) return null;
  return ownPath(`${path}${ctx.search}`);
}

/**
 * One path, one spelling: no empty, dot or parameter segments, no slash at the end, no escape of a character that needs
 * none or that would divide segments. So no limit, token or permission can be walked around by writing a path differently.
 */
function isPlainPath(path: string): boolean {
  if (path === '/') return true;
  if (/\/\/|;|\\|\/$|\/\.\.?(\/|$)/.test(path)) return false;
  return !/%(2[dDeEfF]|3[0-9bB]|4[1-9a-fA-F]|5[0-9aAcCfF]|6[1-9a-fA-F]|7[0-9aAeE])/.test(path);
}

/** Methods that at least one address accepts. TRACE and similar methods are refused everywhere (RFC 9110 §9.3.8). */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Names the methods that an address takes (RFC 9110 §15.5.6). */
export function notAllowed(ctx: Context, methods: readonly string[]): AppError {
  const allow = methods.join(', ');
  ctx.set('Allow', allow);
  return new AppError({
    code: 'request.method_not_allowed',
    status: 405,
    message: `This address accepts only ${allow}.`,
  });
}

/** Where a value is expected a list is refused, not shortened to its first or last item. */
function requireSingleParameters(ctx: Context): void {
  if (ctx.querystring.includes('&') && Object.values(ctx.query).some((value) => Array.isArray(value)))
    throw new AppError({
      code: 'request.repeated_parameter',
      status: 400,
      message: 'The address names a parameter twice.',
    });
}

async function requireBody(ctx: Context, mount: Mount): Promise<void> {
  const encoding = ctx.req.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw unsupported('plain');
  const limit = limitOf(mount);
  if (declaredLength(ctx.req) > limit) await refuseLarge(ctx, limit);
}

/**
 * A page looks at the session, or at the sign-in, before it reads its form. The form is here by then: a sender who held its
 * last byte back would act in a session that ended meanwhile. Where files come the page looks again.
 */
async function awaitBody(ctx: Context, mount: Mount): Promise<void> {
  if (ctx.method === 'GET' || ctx.method === 'HEAD' || mount.bodyLimit !== undefined) return;
  const limit = limitOf(mount);
  if ((await collect(ctx.req, limit)) === undefined) await refuseLarge(ctx, limit);
}

function limitOf(mount: Mount): number {
  return mount.bodyLimit ?? (mount.audience === 'problem' ? JSON_LIMIT : FORM_LIMIT);
}

const notFound = (): AppError =>
  new AppError({ code: 'request.not_found', status: 404, message: 'There is nothing at this address.' });

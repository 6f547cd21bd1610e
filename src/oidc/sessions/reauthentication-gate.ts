import { access, type Permission } from '#directory/access/module.ts';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { randomSecret } from '#kernel/crypto.ts';
import type { EntityManager } from '#kernel/database.ts';
import type { Context } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { ownPath, seeOther } from '#kernel/http/redirect.ts';
import { isByDemanded } from '../authority/organization-demands.ts';
import { acrOf, type Level, LEVELS } from '../levels.ts';
import type { CurrentSession, CurrentSessions } from './current-session.ts';
import type { SignedInBrowsers } from './signed-in-browsers.ts';
import type { ReadUser, UserId, UserService } from '#directory/users/module.ts';
import { notPermitted, reauthRequired, signInRequired } from './errors.ts';
import type { ReturnPaths } from './return-path.ts';
import { ADMINISTRATOR_ABSOLUTE_SECONDS, ADMINISTRATOR_IDLE_SECONDS, LATELY } from './limits.ts';

/** Demands of a page on its user, besides a session. */
type Demands = {
  /**
   * Seconds since the user last proved who they are, 300 for everything sensitive. With it comes the level of this user:
   * a user with a second factor has used it.
   */
  maxAgeSeconds?: number;
  /** A second factor that was added in this session within the last five minutes counts as proved then: for what follows upon adding it. */
  countsEnrolment?: boolean;
  /** The least level; by default 1, or what `maxAgeSeconds` brings. */
  level?: Level;
  /** Only of those who have it, and not for longer than they work here. */
  permission?: Permission;
  /** Where to go on after proving it again; the path of the request unless said otherwise. */
  returnTo?: string;
};

/** The signed-in user and the level. */
export type SignedInPerson = {
  userId: UserId;
  user: ReadUser;
  /** Identifies the session but opens nothing. Values for one session only are bound to it. */
  sessionId: string;
  level: Level;
  amr: readonly string[];
  /** NumericDate. */
  authTime: number;
};

export type OwnPagesDependencies = {
  clock: Clock;
  /** The built-in client, and the registered address it comes back to. */
  client: { id: string; redirectUri: string };
  current: Pick<CurrentSessions, 'find' | 'touch'>;
  browsers: Pick<SignedInBrowsers, 'noteEnrolment'>;
  users: Pick<UserService, 'findById'>;
  /** The level that this user must show for what is sensitive: 2 once a second factor was confirmed, whether or not it can be used. */
  reachable(userId: UserId): Promise<Level>;
  /** The connections by which alone sign-ins of a user count now; null where every way counts. */
  demandedConnections(user: ReadUser): Promise<readonly string[] | null>;
  /** The accounts that the browser remembers: they get the present name and address of the user. */
  remembered: { update(ctx: Context, user: ReadUser): void };
  paths: ReturnPaths;
  cookie: BrowserCookie;
};

const HOME = '/account';
/** In the address to which a form leads whose sender had to prove who they are first: it did nothing yet. */
export const AGAIN = 'again';
const SECRET = /^[\w-]{43}$/;

/** The demands of this page on this user; NumericDate arithmetic in seconds. */
type Wanted = { level: Level; maxAge: number | null; isForAdministrators: boolean; countsEnrolment?: boolean };

/** The gate before every page of ours for users who are signed in. */
export class OwnPages {
  readonly #deps: OwnPagesDependencies;

  constructor(dependencies: OwnPagesDependencies) {
    this.#deps = dependencies;
  }

  /**
   * The signed-in user, if the session suffices. Otherwise the browser is redirected to the sign-in and back to this page, and null
   * means that the response is written; a form that came too late has then done nothing. A script is refused with 401 or 403.
   * From here on the forms of the answer, and the form of the request, are this session's alone.
   */
  async require(ctx: Context, demands: Demands = {}): Promise<SignedInPerson | null> {
    const { current, remembered } = this.#deps;
    const present = await this.#present(ctx);
    if (present === null) {
      if (isScript(ctx)) throw signInRequired();
      return this.#signIn(ctx, await this.#wanted(null, demands), demands.returnTo, {});
    }
    const { session, user } = present;
    const { permission } = demands;
    if (permission !== undefined && !access.can(user, permission, 'instance')) throw notPermitted();
    const wanted = await this.#wanted(user.id, demands);
    const isIdle = wanted.isForAdministrators && this.#isIdle(session);
    if (isIdle || !this.#isEnough(session, wanted)) {
      if (isScript(ctx)) throw reauthRequired();
      return this.#signIn(ctx, wanted, demands.returnTo, isIdle ? { prompt: 'login' } : {});
    }
    await current.touch(ctx, session, { asAdministrator: wanted.isForAdministrators });
    remembered.update(ctx, user);
    return personOf(ctx, present);
  }

  /** The signed-in user, for a page that others see as well: null demands nothing. From here on the forms are this session's alone. */
  async find(ctx: Context): Promise<SignedInPerson | null> {
    const present = await this.#present(ctx);
    return present && personOf(ctx, present);
  }

  /** Written with a second factor that the user has just added in this session. It makes no page but those with `countsEnrolment` open. */
  async noteEnrolment(em: EntityManager, { userId, sessionId }: SignedInPerson): Promise<void> {
    await this.#deps.browsers.noteEnrolment(em, userId, sessionId);
  }

  /** Leads to the sign-in of an account, and back to the page. A user who is signed in chooses another account first. */
  signInAs(ctx: Context, email: string, { isOther }: { isOther: boolean }): void {
    const wanted = { level: 1, maxAge: null, isForAdministrators: false } as const;
    this.#signIn(ctx, wanted, ctx.path, { login_hint: email, ...(isOther ? { prompt: 'select_account' } : {}) });
  }

  /** Leads to registration, and from there to the account page: also for a signed-in user, who then becomes another user. */
  createAccount(ctx: Context, returnTo = HOME): void {
    this.#signIn(ctx, { level: 1, maxAge: null, isForAdministrators: false }, returnTo, { prompt: 'create' });
  }

  /** Where a browser goes on that comes back from the sign-in. Throws sessions.reauth_required when that failed. */
  returnPath(ctx: Context): string {
    const { state, error } = ctx.query;
    if (error !== undefined) throw reauthRequired();
    const path = typeof state === 'string' ? this.#deps.paths.open(state, this.#deps.cookie.read(ctx) ?? '') : null;
    return path ?? HOME;
  }

  /** A session that does not count at `/oidc/auth` any more counts for no page of ours: the sign-in there says why. */
  async #present(ctx: Context): Promise<Present | null> {
    const { current, users, demandedConnections } = this.#deps;
    const session = await current.find(ctx);
    const user = session && (await users.findById(session.accountId as UserId));
    if (session === null || user?.status !== 'active') return null;
    return isByDemanded(session.connection, await demandedConnections(user)) ? { session, user } : null;
  }

  async #wanted(
    userId: UserId | null,
    { maxAgeSeconds, level, permission, countsEnrolment = false }: Demands,
  ): Promise<Wanted> {
    const isForAdministrators = permission !== undefined;
    const ages = [maxAgeSeconds, isForAdministrators ? ADMINISTRATOR_ABSOLUTE_SECONDS : undefined].filter(
      (age) => age !== undefined,
    );
    const reachable = maxAgeSeconds === undefined || userId === null ? 1 : await this.#deps.reachable(userId);
    return {
      level: level ?? reachable,
      maxAge: ages.length === 0 ? null : Math.min(...ages),
      isForAdministrators,
      countsEnrolment,
    };
  }

  #isEnough({ authTime, level, enrolledAt }: CurrentSession, wanted: Wanted): boolean {
    const now = epochSeconds(this.#deps.clock);
    if (wanted.countsEnrolment && wanted.level <= 2 && now - (enrolledAt ?? 0) <= LATELY) return true;
    return level >= wanted.level && (wanted.maxAge === null || now - authTime <= wanted.maxAge);
  }

  /** Pages for administrators end after a time without use, even in an active browser. */
  #isIdle({ administeredAt, authTime }: CurrentSession): boolean {
    return epochSeconds(this.#deps.clock) - Math.max(administeredAt ?? 0, authTime) > ADMINISTRATOR_IDLE_SECONDS;
  }

  /**
   * Through the provider's own door, as every relying party. No one knows the verifier of the challenge, so that the code which
   * comes back can never be redeemed: what counts is the session.
   */
  #signIn(
    ctx: Context,
    { level, maxAge }: Wanted,
    returnTo: string | undefined,
    extra: Readonly<Record<string, string>>,
  ): null {
    const { client, paths, cookie } = this.#deps;
    const known = cookie.read(ctx) ?? '';
    const browser = SECRET.test(known) ? known : randomSecret();
    if (browser !== known) cookie.write(ctx, browser);
    const request = new URLSearchParams({
      client_id: client.id,
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: randomSecret(),
      code_challenge_method: 'S256',
      state: paths.seal(returnTo ?? pageOf(ctx), browser),
      ...(level > 1 ? { claims: essentialLevel(level) } : {}),
      ...(maxAge === null ? {} : { max_age: String(maxAge) }),
      ...connectionIn(ctx),
      ...extra,
    });
    seeOther(ctx, `/oidc/auth?${request.toString()}`);
    return null;
  }
}

type Present = { session: CurrentSession; user: ReadUser };

function personOf(ctx: Context, { session, user }: Present): SignedInPerson {
  ctx.state.bindForms(session.id);
  ctx.state.theme = user.theme ?? null;
  if (user.profile.locale !== undefined) ctx.state.suggestLanguage(user.profile.locale);
  const { id: sessionId, level, amr, authTime } = session;
  return { userId: user.id, user, sessionId, level, amr, authTime };
}

/** `fetch` says so of itself, in every browser since 2023; a form or a link never does (Fetch Metadata §2.1). */
const isScript = (ctx: Context): boolean => ctx.req.headers['sec-fetch-dest'] === 'empty';

/** A link to a page of ours may name the way in, as an authorization request may. */
function connectionIn({ query }: Context): { connection?: string } {
  const { connection } = query;
  return typeof connection === 'string' ? { connection } : {};
}

/** A form is not sent a second time by itself: its page is shown again, and says so. */
function pageOf(ctx: Context): string {
  if (ctx.method !== 'POST') return ownPath(ctx.originalUrl) ?? HOME;
  return ownPath(`${ctx.path}?${AGAIN}`) ?? HOME;
}

/** OpenID Connect Core §5.5.1.1. */
function essentialLevel(level: Level): string {
  const values = LEVELS.filter((known) => known >= level).map(acrOf);
  return JSON.stringify({ id_token: { acr: { essential: true, values } } });
}

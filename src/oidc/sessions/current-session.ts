import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import type { Context } from '#kernel/http/context.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { UserActivity } from '#directory/users/module.ts';
import type { UserPolicies } from '#settings/module.ts';
import type { Engine } from '../engine.ts';
import { type Level, levelOf } from '../levels.ts';
import { sessionSeconds } from './remember-me.ts';
import { SESSION_TRACE_EVERY } from '../limits.ts';

/** The signed-in user of the browser that sent a request. Times are NumericDate. */
export type CurrentSession = {
  /** Names the session; it is not the cookie and opens nothing. */
  id: string;
  accountId: string;
  level: Level;
  amr: readonly string[];
  /** The slug of the connection by which the user came; null for other ways. */
  connection: string | null;
  /** When the user last proved who they are. */
  authTime: number;
  /** When a page for administrators was last used. */
  administeredAt: number | null;
  /** When the user last added a second factor here, by a proof of it; null where that was never, or before they last proved who they are. */
  enrolledAt: number | null;
};

type Stored = {
  id: string;
  uid: string;
  accountId?: string;
  acr?: string;
  amr?: string[];
  loginTs?: number;
  transient?: boolean;
  connection?: string;
  lastSeen?: LastSeen;
  administeredAt?: number;
  enrolledAt?: number;
};

type Dependencies = {
  clock: Clock;
  engine: () => Engine;
  database: Pick<Database, 'sql'>;
  policies: UserPolicies<'session'>;
  activity: Pick<UserActivity, 'note'>;
  /** Attributes of the engine's cookie. */
  cookie: { signed: true; httpOnly: true; sameSite: 'lax'; secure: boolean; path: string };
};

/** The engine's session, for pages of ours. It is asked of the store each time: what was ended anywhere is over here at once. */
export class CurrentSessions {
  readonly #deps: Dependencies;
  readonly #stored = new WeakMap<CurrentSession, Stored>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Null without a signed-in user. The caller checks whether the account may still be used. */
  async find(ctx: Context): Promise<CurrentSession | null> {
    const engine = this.#deps.engine();
    const stored = (await engine.Session.get(engine.createContext(ctx.req, ctx.res) as never)) as unknown as Stored;
    const { uid, accountId, loginTs } = stored;
    if (accountId === undefined || loginTs === undefined) return null;
    const session: CurrentSession = {
      id: uid,
      accountId,
      level: levelOf(stored.acr) ?? 1,
      amr: stored.amr ?? [],
      connection: stored.connection ?? null,
      authTime: loginTs,
      administeredAt: stored.administeredAt ?? null,
      enrolledAt: stored.enrolledAt ?? null,
    };
    this.#stored.set(session, stored);
    return session;
  }

  /** Marks the session as used: its idle time restarts. One that ended meanwhile stays ended. */
  async touch(ctx: Context, session: CurrentSession, { asAdministrator }: { asAdministrator: boolean }): Promise<void> {
    const stored = this.#stored.get(session);
    if (!stored) throw new Error('a session was to be kept that was not found here');
    const { clock, engine, database, policies, activity, cookie } = this.#deps;
    const now = epochSeconds(clock);
    const seenAt = asAdministrator ? (stored.administeredAt ?? 0) : (stored.lastSeen?.at ?? 0);
    if (now - seenAt < SESSION_TRACE_EVERY) return;
    const exp = now + sessionSeconds((await policies.ofUser(session.accountId)).session, stored, now);
    const trace: Partial<Stored> & { exp: number } = {
      exp,
      lastSeen: { ip: ctx.state.ip, userAgent: ctx.state.userAgent, at: now },
      ...(asAdministrator ? { administeredAt: now } : {}),
    };
    const expires = new Date(exp * SECOND);
    const kept = await database.sql(
      `update oidc_artifact set expires_at = $2, payload = payload || $3::jsonb
       where id_hash = $1 and kind = 'Session' and revoked_at is null returning 1`,
      [sha256(stored.id), expires, JSON.stringify(trace)],
    );
    if (kept.length === 0) return;
    activity.note(session.accountId);
    ctx.cookies.set(engine().cookieName('session'), stored.id, {
      ...cookie,
      overwrite: true,
      ...(stored.transient ? {} : { expires }),
    });
  }
}

/** From where a session was used last; `at` is a NumericDate. */
export type LastSeen = { ip: string; userAgent: string; at: number };

import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type Patch, source } from './patch.ts';
import type { ArtifactAdapter } from '../artifacts/adapter.ts';
import type { State } from '#kernel/http/context.ts';
import { epochSeconds } from '#kernel/clock.ts';
import type { Spared } from '../authority/organization-demands.ts';
import type { LastSeen } from '../sessions/current-session.ts';
import { sessionSeconds } from '../sessions/remember-me.ts';

type StoredSession = { id: string; exp?: number; persist(): Promise<unknown>; save(ttl: number): Promise<unknown> };

/** Here it is stored, and the browser gets its cookie, so that the form on that page works. */
export const begunSessions: Patch = {
  members: { 'Session.prototype.persist': { method: 0 } },
  reason:
    'The page for device codes begins a session after sessions are stored when it shows an error, and the next middleware fails over that.',
  upstream: source('models/session.js'),
  apply(engine, { settings }) {
    const model = engine.Session.prototype as unknown as StoredSession;
    const { persist } = model;
    const lifetime = settings.ttl?.['Session'] as number | ((ctx: KoaContextWithOIDC, session: unknown) => number);
    model.persist = async function persistOrBegin() {
      const ctx = Provider.ctx;
      if (typeof this.exp === 'number' || !ctx) return persist.call(this);
      ctx.oidc.cookies.set(engine.cookieName('session'), this.id, settings.cookies?.long);
      return this.save(typeof lifetime === 'number' ? lifetime : lifetime(ctx, this));
    };
  },
};

type SignIn = { accountId: string; transient?: boolean };
type LastingSession = {
  uid: string;
  accountId?: string | undefined;
  exp?: number | undefined;
  transient?: boolean | undefined;
  spared?: Spared | undefined;
  connection?: string | undefined;
  enrolledAt?: number | undefined;
  loginAccount(signIn: SignIn): void;
};

export const rememberedSessions: Patch = {
  members: { 'Session.prototype.loginAccount': { method: 1 } },
  reason:
    'The engine never makes a session lasting again: a user who signs in for the open browser and later to stay signed in would be forgotten. It does not keep why a second factor was spared, nor the connection by which a user came, and what the end of a sign-in writes about its session needs the name of the session.',
  upstream: source('models/session.js'),
  apply(engine) {
    const model = engine.Session.prototype as unknown as LastingSession;
    const { loginAccount } = model;
    model.loginAccount = function loginAndRemember(signIn) {
      this.transient = undefined;
      const { result } = (Provider.ctx?.oidc.entities.Interaction ?? {}) as {
        result?: { login?: { spared?: Spared; connection?: string; sessionId?: string } };
      };
      const { sessionId } = result?.login ?? {};
      // One that is stored without a user keeps its name.
      if (sessionId !== undefined && this.accountId === undefined && this.exp === undefined) this.uid = sessionId;
      this.spared = result?.login?.spared;
      this.connection = result?.login?.connection;
      // Of the user before, maybe.
      this.enrolledAt = undefined;
      loginAccount.call(this, signIn);
    };
  },
};

type RenamedSession = { id: string; oldId?: string | undefined; save(ttl: number): Promise<string> };

/** Here it stays and is renamed, and one that was ended meanwhile stays ended. */
export const sessionRename: Patch = {
  members: { 'Session.prototype.save': { method: 1 }, 'Session.adapter': 'property' },
  reason:
    'A session gets another id at each sign-in. The engine deletes it and stores it again, and for a moment the tokens that end with it are dead.',
  upstream: source('models/session.js'),
  apply(engine) {
    const model = engine.Session.prototype as unknown as RenamedSession;
    const adapter = engine.Session.adapter as unknown as ArtifactAdapter;
    const { save } = model;
    model.save = async function saveRenamed(ttl) {
      if (this.oldId !== undefined) {
        await adapter.rename(this.oldId, this.id);
        this.oldId = undefined;
      }
      return save.call(this, ttl);
    };
  },
};

type TracedSession = Parameters<typeof sessionSeconds>[1] & {
  lastSeen?: LastSeen;
  save(ttl: number): Promise<string>;
};

export const sessionTrace: Patch = {
  members: { 'Session.IN_PAYLOAD': 'list', 'Session.prototype.save': { method: 1 } },
  reason:
    'The engine keeps of a session what it needs itself; people want to know which browser it is. The strictest lifetime of the organizations of its user counts.',
  upstream: source('models/session.js'),
  apply({ Session }, { clock, policies }) {
    const kept = (Session as unknown as { IN_PAYLOAD: readonly string[] }).IN_PAYLOAD;
    Object.defineProperty(Session, 'IN_PAYLOAD', {
      value: [...kept, 'lastSeen', 'administeredAt', 'enrolledAt', 'spared', 'connection'],
    });
    const model = Session.prototype as unknown as TracedSession;
    const { save } = model;
    model.save = async function saveWithTrace(ttl) {
      const state = Provider.ctx?.state as State | undefined;
      if (state) this.lastSeen = { ip: state.ip, userAgent: state.userAgent, at: epochSeconds(clock) };
      if (this.accountId === undefined) return save.call(this, ttl);
      const { session } = await policies.ofUser(this.accountId);
      return save.call(this, Math.min(ttl, sessionSeconds(session, this, epochSeconds(clock))));
    };
  },
};

export const logoutCalls: Patch = {
  members: { 'Client.prototype.backchannelLogout': { method: 2 } },
  reason: 'The engine asks the relying party once, now, and forgets; a notice waits until it was heard.',
  upstream: source('models/client.js'),
  apply({ Client }, { tellLogout }) {
    Client.prototype['backchannelLogout'] = async function backchannelLogout(accountId: string, sid?: string) {
      await tellLogout({ clientId: this.clientId, accountId, sid: sid ?? null });
    };
  },
};

/**
 * Discovery promises the support of sessions for every client (`backchannel_logout_session_supported`), and a sign-out names by its ID
 * token the session that it is about.
 */
export const namedSessions: Patch = {
  members: { 'Client.prototype.includeSid': { method: 0 } },
  reason:
    'The engine names the session in ID tokens of clients that require it; without the name a logout token or a hint cannot tell which browser it is about (Back-Channel Logout 1.0 §2.1, §2.4).',
  upstream: source('models/client.js'),
  apply({ Client }) {
    Client.prototype['includeSid'] = () => true;
  },
};

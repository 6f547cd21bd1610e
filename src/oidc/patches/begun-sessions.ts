import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type Patch, source } from './patch.ts';

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

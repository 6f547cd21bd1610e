import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';

type StoredSession = { id: string; exp?: number; persist(): Promise<unknown>; save(ttl: number): Promise<unknown> };

/**
 * The engine's error page for device codes begins a session after the middleware that stores sessions is done, and the next
 * one then fails because nobody has stored it before. Here it is stored, and the browser gets its cookie, so that the form
 * on that page works.
 */
export function storeBegunSessions(engine: Provider, settings: Configuration): void {
  const model = engine.Session.prototype as unknown as StoredSession;
  const { persist } = model;
  const lifetime = settings.ttl?.['Session'] as number | ((ctx: KoaContextWithOIDC, session: unknown) => number);
  model.persist = async function persistOrBegin() {
    const ctx = Provider.ctx;
    if (typeof this.exp === 'number' || !ctx) return persist.call(this);
    ctx.oidc.cookies.set(engine.cookieName('session'), this.id, settings.cookies?.long);
    return this.save(typeof lifetime === 'number' ? lifetime : lifetime(ctx, this));
  };
}

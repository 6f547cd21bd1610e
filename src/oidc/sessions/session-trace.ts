import { Provider } from 'oidc-provider';
import type { State } from '#kernel/http/context.ts';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Engine } from '../engine.ts';

/** From where a session was used last; `at` is a NumericDate. */
export type LastSeen = { ip: string; userAgent: string; at: number };

type SessionModel = { lastSeen?: LastSeen; save(ttl: number): Promise<string> };

/** The engine keeps of a session what it needs itself; people want to know which browser it is. */
export function traceSessions(engine: Engine, clock: Clock): void {
  const { Session } = engine;
  const kept = (Session as unknown as { IN_PAYLOAD: readonly string[] }).IN_PAYLOAD;
  Object.defineProperty(Session, 'IN_PAYLOAD', { value: [...kept, 'lastSeen', 'administeredAt'] });
  const model = Session.prototype as unknown as SessionModel;
  const { save } = model;
  model.save = function saveWithTrace(ttl) {
    const state = Provider.ctx?.state as State | undefined;
    if (state) this.lastSeen = { ip: state.ip, userAgent: state.userAgent, at: epochSeconds(clock) };
    return save.call(this, ttl);
  };
}

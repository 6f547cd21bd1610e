import { Provider } from 'oidc-provider';
import type { State } from '#kernel/http/context.ts';
import { epochSeconds } from '#kernel/clock.ts';
import type { LastSeen } from '../sessions/last-seen.ts';
import { type Patch, source } from './patch.ts';

type SessionModel = { lastSeen?: LastSeen; save(ttl: number): Promise<string> };

export const sessionTrace: Patch = {
  members: { 'Session.IN_PAYLOAD': 'list', 'Session.prototype.save': { method: 1 } },
  reason: 'The engine keeps of a session what it needs itself; people want to know which browser it is.',
  upstream: source('models/session.js'),
  apply({ Session }, { clock }) {
    const kept = (Session as unknown as { IN_PAYLOAD: readonly string[] }).IN_PAYLOAD;
    Object.defineProperty(Session, 'IN_PAYLOAD', { value: [...kept, 'lastSeen', 'administeredAt'] });
    const model = Session.prototype as unknown as SessionModel;
    const { save } = model;
    model.save = function saveWithTrace(ttl) {
      const state = Provider.ctx?.state as State | undefined;
      if (state) this.lastSeen = { ip: state.ip, userAgent: state.userAgent, at: epochSeconds(clock) };
      return save.call(this, ttl);
    };
  },
};

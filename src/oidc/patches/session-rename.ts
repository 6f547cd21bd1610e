import type { ArtifactAdapter } from '../artifacts/adapter.ts';
import { type Patch, source } from './patch.ts';

type SessionModel = { id: string; oldId?: string | undefined; save(ttl: number): Promise<string> };

/** Here it stays and is renamed, and one that was ended meanwhile stays ended. */
export const sessionRename: Patch = {
  members: { 'Session.prototype.save': { method: 1 }, 'Session.adapter': 'property' },
  reason:
    'A session gets another id at each sign-in. The engine deletes it and stores it again, and for a moment the tokens that end with it are dead.',
  upstream: source('models/session.js'),
  apply(engine) {
    const model = engine.Session.prototype as unknown as SessionModel;
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

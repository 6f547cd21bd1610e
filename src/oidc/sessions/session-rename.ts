import type { ArtifactAdapter } from '../artifacts/adapter.ts';
import type { Engine } from '../engine.ts';

type SessionModel = { id: string; oldId?: string | undefined; save(ttl: number): Promise<string> };

/**
 * A session gets another id whenever somebody has signed in. The engine deletes it and stores it anew, and for a moment the
 * tokens that end with it are dead; here it stays and is renamed, and one that was ended meanwhile stays ended.
 */
export function renameSessions(engine: Engine): void {
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
}

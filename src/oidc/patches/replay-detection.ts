import type { ArtifactAdapter } from '../artifacts/adapter.ts';
import { type Patch, source } from './patch.ts';

export const replayDetection: Patch = {
  members: { 'ReplayDetection.unique': { method: 3 }, 'ReplayDetection.adapter': 'property' },
  reason:
    'The engine looks first and stores then, so that one proof could be accepted twice at once; one insert cannot.',
  upstream: source('models/replay_detection.js'),
  apply(engine) {
    engine.ReplayDetection.unique = async function unique(iss: string, jti: string, exp: number) {
      const adapter = engine.ReplayDetection.adapter as unknown as ArtifactAdapter;
      return adapter.insertOnce(`${iss}\u0000${jti}`, exp);
    };
  },
};

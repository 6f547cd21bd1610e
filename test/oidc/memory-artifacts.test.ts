import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Artifact } from '../../src/oidc/artifacts/artifact-store.ts';
import { MemoryArtifacts } from '../../src/oidc/artifacts/memory-artifacts.ts';
import { testClock } from '../support/clock.ts';

test('above the bound the oldest artifacts are dropped, with all their handles', async () => {
  const store = new MemoryArtifacts(testClock(), 3);
  const all = Array.from({ length: 5 }, (): Artifact => ({
    idHash: randomBytes(32),
    lookupHash: randomBytes(32),
    grantHash: null,
    sessionHash: null,
    accountId: null,
    clientId: null,
    expiresAt: new Date('2040-01-01'),
    stage: null,
    payload: {},
  }));
  for (const artifact of all) await store.put('Interaction', artifact);
  const byId = await Promise.all(all.map(({ idHash }) => store.find('Interaction', idHash)));
  const byLookup = await Promise.all(all.map(({ lookupHash }) => store.findByLookup('Interaction', lookupHash!)));
  expect(byId.map((found) => found !== null)).toEqual([false, false, true, true, true]);
  expect(byLookup.map((found) => found !== null)).toEqual([false, false, true, true, true]);
});

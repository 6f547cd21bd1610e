import { expect, test, vi } from 'vitest';
import { RedisUnavailable } from '#kernel/redis/port.ts';
import type { ArtifactStore, Found } from '#oidc/artifacts/artifact-store.ts';
import { SpareArtifacts } from '#oidc/artifacts/spare-artifacts.ts';
import { testClock } from '../support/clock.ts';

const idHash = Buffer.alloc(32, 1);
const token: Found = { idHash, payload: { clientId: 'machine' }, consumedAt: null };
const late = () => Promise.reject(new RedisUnavailable('Redis did not answer'));

function spare(find: ArtifactStore['find'], answersAgain: boolean, inDatabase: Found | 'ended' | null = null) {
  const redis = { find } as ArtifactStore;
  const database = {
    put: async () => true,
    findOrEnd: async () => inDatabase,
    end: async () => true,
    purge: async () => 0,
  };
  return new SpareArtifacts(testClock(), { answersAgain: async () => answersAgain }, redis, database);
}

test('a token is found by a second look when Redis was late once', async () => {
  const find = vi.fn<ArtifactStore['find']>().mockImplementationOnce(late).mockResolvedValueOnce(token);
  expect(await spare(find, true).find('ClientCredentials', idHash)).toBe(token);
  expect(find).toHaveBeenCalledTimes(2);
});

test('no second look at a Redis that is gone: what was written to it is not known', async () => {
  const find = vi.fn<ArtifactStore['find']>(late);
  expect(await spare(find, false).find('ClientCredentials', idHash)).toBeNull();
  expect(find).toHaveBeenCalledTimes(1);
});

test('a Redis that is late twice counts as gone', async () => {
  const find = vi.fn<ArtifactStore['find']>(late);
  expect(await spare(find, true).find('ClientCredentials', idHash)).toBeNull();
  expect(find).toHaveBeenCalledTimes(2);
});

test('a token that was ended stays so, whatever Redis says', async () => {
  expect(await spare(async () => token, true, 'ended').find('ClientCredentials', idHash)).toBeNull();
});

test('a token from the time without Redis is in the database', async () => {
  expect(await spare(async () => null, true, token).find('ClientCredentials', idHash)).toBe(token);
});

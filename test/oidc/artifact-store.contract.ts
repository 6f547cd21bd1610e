import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOUR, MINUTE, SECOND } from '#kernel/clock.ts';
import { type Artifact, type ArtifactStore, type Kind, ofGrant } from '../../src/oidc/artifacts/artifact-store.ts';
import { testClock } from '../support/clock.ts';

type Clock = ReturnType<typeof testClock>;
export type Backend = {
  name: string;
  runs: boolean;
  /** Two stores stand for two nodes. */
  open(clock: Clock): Promise<{ nodes: readonly [ArtifactStore, ArtifactStore]; close(): Promise<void> }>;
  /** False where the backend removes what expired by itself, by a clock of its own. */
  isPurged: boolean;
};

const anyHash = (): Buffer => randomBytes(32);

/** Requirements for a store of artifacts on every backend. */
export function describeArtifactStore({ name, runs, open, isPurged }: Backend): void {
  describe.runIf(runs)(`artifacts ${name}`, () => {
    const clock = testClock(new Date().toISOString());
    let opened: Awaited<ReturnType<Backend['open']>> | undefined;
    let store: ArtifactStore;
    let other: ArtifactStore;

    beforeAll(async () => {
      opened = await open(clock);
      [store, other] = opened.nodes;
    });
    afterAll(() => opened?.close());

    const artifact = (given: Partial<Artifact> = {}): Artifact => ({
      idHash: anyHash(),
      lookupHash: null,
      grantHash: null,
      sessionHash: null,
      accountId: null,
      clientId: null,
      expiresAt: new Date(clock.now().getTime() + HOUR),
      stage: null,
      payload: { text: 'ä"\\\u2028', list: [], nested: { list: [1], none: null } },
      ...given,
    });

    async function grant(): Promise<Buffer> {
      const made = artifact();
      await store.put('Grant', made);
      return made.idHash;
    }

    async function stored(kind: Kind, given: Partial<Artifact> = {}): Promise<Artifact> {
      const made = artifact(given);
      expect(await store.put(kind, made)).toBe(true);
      return made;
    }

    test('a stored artifact is found unchanged, on every node', async () => {
      const { idHash, payload } = await stored('AccessToken');
      expect(await other.find('AccessToken', idHash)).toMatchObject({ idHash, payload, consumedAt: null });
    });

    test('an artifact of one kind is not found as another', async () => {
      const { idHash } = await stored('AccessToken');
      expect(await store.find('RefreshToken', idHash)).toBeNull();
      expect(await store.consume('RefreshToken', idHash)).toBe('unknown');
    });

    test('a replacement keeps the second handle and the consumption', async () => {
      const lookupHash = anyHash();
      const first = await stored('PushedAuthorizationRequest', { lookupHash });
      await store.consume('PushedAuthorizationRequest', first.idHash);
      await store.put('PushedAuthorizationRequest', { ...first, lookupHash: null, payload: { changed: true } });
      const found = await store.findByLookup('PushedAuthorizationRequest', lookupHash);
      expect(found?.payload).toEqual({ changed: true });
      expect(found?.consumedAt).not.toBeNull();
    });

    test('a second handle leads to its artifact and is deleted with it', async () => {
      const lookupHash = anyHash();
      const { idHash } = await stored('Session', { lookupHash });
      expect((await other.findByLookup('Session', lookupHash))?.idHash).toEqual(idHash);
      expect(await store.findByLookup('Session', anyHash())).toBeNull();
      await store.remove('Session', idHash);
      expect(await store.findByLookup('Session', lookupHash)).toBeNull();
    });

    test('one of fifty that consume at once on two nodes is first, and the grant is revoked', async () => {
      for (let round = 0; round < 20; round += 1) {
        const grantHash = await grant();
        const { idHash } = await stored('RefreshToken', { grantHash });
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).consume('RefreshToken', idHash)),
        );
        expect(outcomes.filter((outcome) => outcome === 'consumed')).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome === 'spent').length).toBeGreaterThan(0);
        expect(await store.put('AccessToken', artifact({ grantHash }))).toBe(false);
      }
    });

    test('a consumed artifact is still found, with the time', async () => {
      const { idHash } = await stored('AuthorizationCode', { grantHash: await grant() });
      expect(await store.consume('AuthorizationCode', idHash)).toBe('consumed');
      expect((await other.find('AuthorizationCode', idHash))?.consumedAt?.getTime()).toBe(clock.now().getTime());
    });

    test('an unknown or removed artifact cannot be consumed', async () => {
      const { idHash } = await stored('PushedAuthorizationRequest');
      await store.remove('PushedAuthorizationRequest', idHash);
      expect(await store.consume('PushedAuthorizationRequest', idHash)).toBe('unknown');
      expect(await store.consume('PushedAuthorizationRequest', anyHash())).toBe('unknown');
    });

    test('one of fifty that insert the same id at once is first, until it has expired', async () => {
      for (let round = 0; round < 10; round += 1) {
        const once = artifact();
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).insertOnce('ReplayDetection', once)),
        );
        expect(outcomes.filter(Boolean)).toHaveLength(1);
      }
    });

    test('one of fifty that remove the same artifact at once is told that it removed it', async () => {
      const { idHash } = await stored('Interaction');
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).remove('Interaction', idHash)),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await store.remove('Interaction', anyHash())).toBe(false);
    });

    test.each([...ofGrant])('a %s of a revoked grant can neither be found, consumed nor stored', async (kind) => {
      const grantHash = await grant();
      const lookupHash = anyHash();
      const before = await stored(kind, { grantHash, lookupHash });
      await other.revokeGrant(grantHash);
      expect(await store.find(kind, before.idHash)).toBeNull();
      expect(await store.findByLookup(kind, lookupHash)).toBeNull();
      expect(await store.consume(kind, before.idHash)).toBe('unknown');
      expect(await store.put(kind, before)).toBe(false);
      expect(await store.put(kind, artifact({ grantHash }))).toBe(false);
    });

    test('a revoked grant is gone and cannot be stored again', async () => {
      const made = await stored('Grant');
      expect(await store.remove('Grant', made.idHash)).toBe(true);
      expect(await other.remove('Grant', made.idHash)).toBe(false);
      expect(await other.find('Grant', made.idHash)).toBeNull();
      expect(await other.put('Grant', made)).toBe(false);
      expect(await store.find('Grant', made.idHash)).toBeNull();
    });

    test('a grant can be revoked before it is stored', async () => {
      const made = artifact();
      await store.revokeGrant(made.idHash);
      expect(await other.put('Grant', made)).toBe(false);
      expect(await other.put('AccessToken', artifact({ grantHash: made.idHash }))).toBe(false);
    });

    test('an artifact of a grant that was never stored is not stored either', async () => {
      expect(await store.put('AccessToken', artifact({ grantHash: anyHash() }))).toBe(false);
    });

    test('tokens that are stored during the revocation of their grant are not found', async () => {
      for (let round = 0; round < 20; round += 1) {
        const grantHash = await grant();
        const tokens = Array.from({ length: 10 }, () => artifact({ grantHash }));
        await Promise.all([...tokens.map((token) => store.put('AccessToken', token)), other.revokeGrant(grantHash)]);
        const found = await Promise.all(tokens.map(({ idHash }) => store.find('AccessToken', idHash)));
        expect(found.filter(Boolean)).toEqual([]);
      }
    });

    test('a consumed artifact is recognized after its grant was revoked', async () => {
      const grantHash = await grant();
      const { idHash } = await stored('RefreshToken', { grantHash });
      await store.consume('RefreshToken', idHash);
      await store.revokeGrant(grantHash);
      expect(await other.consume('RefreshToken', idHash)).toBe('spent');
    });

    test('one kind of artifact of a grant is removed without the others', async () => {
      const grantHash = await grant();
      const access = await stored('AccessToken', { grantHash });
      const refresh = await stored('RefreshToken', { grantHash });
      const stranger = await stored('AccessToken', { grantHash: await grant() });
      await other.removeOfGrant('AccessToken', grantHash);
      expect(await store.find('AccessToken', access.idHash)).toBeNull();
      expect(await store.find('RefreshToken', refresh.idHash)).not.toBeNull();
      expect(await store.find('AccessToken', stranger.idHash)).not.toBeNull();
      await other.removeOfGrant('AccessToken', anyHash());
    });

    test('a stage is reached once and never left backwards', async () => {
      const asked = await stored('DeviceCode', { stage: 0, lookupHash: anyHash() });
      const claim = (accountId: string): Artifact => ({
        ...asked,
        lookupHash: null,
        stage: 1,
        payload: { by: accountId },
      });
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).put('DeviceCode', claim(`usr_${i}`))),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect((await store.find('DeviceCode', asked.idHash))?.payload).toMatchObject({
        by: `usr_${outcomes.indexOf(true)}`,
      });
      expect(await store.put('DeviceCode', { ...asked, stage: 0 })).toBe(false);
      expect(await store.put('DeviceCode', { ...asked, stage: 2, payload: { error: 'access_denied' } })).toBe(true);
      expect(await store.put('DeviceCode', { ...asked, stage: 2, payload: { accountId: 'usr_1' } })).toBe(false);
    });

    test('a used id is free again when it has expired', async () => {
      const idHash = anyHash();
      const until = (milliseconds: number): Date => new Date(clock.now().getTime() + milliseconds);
      expect(await store.insertOnce('ReplayDetection', { idHash, expiresAt: until(isPurged ? MINUTE : 30) })).toBe(
        true,
      );
      if (isPurged) clock.advance(MINUTE + SECOND);
      // Where it is not purged the store itself forgets it, in real time.
      await vi.waitFor(
        async () => expect(await other.insertOnce('ReplayDetection', { idHash, expiresAt: until(MINUTE) })).toBe(true),
        { timeout: 10_000 },
      );
      expect(await other.insertOnce('ReplayDetection', { idHash, expiresAt: until(MINUTE) })).toBe(false);
    });

    test('expired artifacts are deleted, others stay', async () => {
      const soon = isPurged ? MINUTE : 30;
      const expired = await stored('AccessToken', { expiresAt: new Date(clock.now().getTime() + soon) });
      const living = await stored('AccessToken');
      if (isPurged) {
        clock.advance(MINUTE + SECOND);
        while ((await store.purge()) > 0);
      }
      await vi.waitFor(async () => expect(await store.find('AccessToken', expired.idHash)).toBeNull(), {
        timeout: 10_000,
      });
      expect(await store.find('AccessToken', living.idHash)).not.toBeNull();
    });

    test('the mark of a revoked grant outlives the writes that had started before it', async () => {
      const made = await stored('Grant', { expiresAt: new Date(clock.now().getTime() + SECOND) });
      await store.revokeGrant(made.idHash);
      clock.advance(HOUR);
      await store.purge();
      expect(await store.put('AccessToken', artifact({ grantHash: made.idHash }))).toBe(false);
    });

    test.runIf(isPurged)(
      'one purge deletes at most five thousand',
      async () => {
        const expiresAt = new Date(clock.now().getTime() + SECOND);
        await Promise.all(
          Array.from({ length: 5100 }, () => store.put('AccessToken', artifact({ expiresAt, payload: {} }))),
        );
        clock.advance(MINUTE);
        expect(await store.purge()).toBe(5000);
        expect(await store.purge()).toBeGreaterThanOrEqual(100);
        expect(await store.purge()).toBe(0);
      },
      60_000,
    );
  });
}

import { Provider } from 'oidc-provider';
import type { Clock } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { RedisPort } from '#kernel/redis/port.ts';
import type { Policies } from '#settings/module.ts';
import { pollRules } from '../device/device-code.ts';
import { MOST_MACHINE_TOKENS } from '../limits.ts';
import { refreshGrace } from '../profiles.ts';
import { ArtifactAdapter } from './adapter.ts';
import type { ArtifactStore, Kind } from './artifact-store.ts';
import type { Handles } from './handles.ts';
import { HeldWrites } from './held-writes.ts';
import { IssuedTokens } from './issued-tokens.ts';
import { MemoryArtifacts } from './memory-artifacts.ts';
import { PostgresArtifacts } from './postgres-artifacts.ts';
import type { RecentFinds } from './recent-finds.ts';
import { RedisArtifacts } from './redis-artifacts.ts';
import { RequestMemo } from './request-memo.ts';
import { Rotations } from './rotations.ts';
import { SpareArtifacts } from './spare-artifacts.ts';
import { Reuse } from './token-reuse.ts';

type Dependencies = {
  clock: Clock;
  keyRing: Pick<KeyRing, 'deriveKeys'>;
  database: Database;
  redis: RedisPort | null;
  policies: Policies<'oidc'>;
  handles: Handles;
  recent: RecentFinds;
};

/** The storage of the engine's artifacts: which kind is kept where, and what one request shares. */
export function createStorage({ clock, keyRing, database, redis, policies, handles, recent }: Dependencies) {
  const request = () => Provider.ctx;
  const artifacts = new PostgresArtifacts(clock, database);
  // The embedded database has one process, which keeps what may be lost itself: several times as fast.
  const inMemory = redis === null && database.embedded ? new MemoryArtifacts(clock, MOST_MACHINE_TOKENS) : null;
  const spare = redis ? new SpareArtifacts(clock, redis, new RedisArtifacts(clock, redis), artifacts) : artifacts;
  const storeOf = (kind: Kind): ArtifactStore => (kind === 'ClientCredentials' ? (inMemory ?? spare) : artifacts);
  const heldWrites = new HeldWrites((batch) => artifacts.write(batch));
  const memo = new RequestMemo(request);
  const reuse = new Reuse(request);
  const issued = new IssuedTokens(request, recent);
  const rotations = new Rotations({ clock, keyRing, request, graceOf: refreshGrace(policies) });
  return {
    heldWrites,
    rotations,
    reuse,
    /** The stores to purge: machine tokens only if they are in memory, because the other stores need no help. */
    stores: inMemory === null ? [artifacts] : [artifacts, inMemory],
    adapterOf: (kind: Kind) =>
      new ArtifactAdapter(kind, {
        clock,
        handles,
        storeOf,
        memo,
        recent,
        issued,
        held: heldWrites,
        reuse,
        rotations,
        rename: (from, to) => artifacts.rename(from, to),
        notePoll: (idHash) => artifacts.notePoll(idHash, pollRules),
      }),
  };
}

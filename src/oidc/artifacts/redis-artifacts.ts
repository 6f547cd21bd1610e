import { createHash } from 'node:crypto';
import { type Clock } from '#kernel/clock.ts';
import { KEY_PREFIX, type RedisPort } from '#kernel/redis/port.ts';
import { type Artifact, type ArtifactStore, type Consumed, type Found, type Kind, ofGrant } from './artifact-store.ts';
import { KEEP_REVOKED } from '../lifetimes.ts';

type Script = { text: string; sha: string };
const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

// One key each, so that they run on a cluster too. Fields: p payload, g grant, l look-up, c consumed at, r revoked, s stage.
const PUT = script(`
  local key, stage = KEYS[1], ARGV[4]
  if redis.call('HEXISTS', key, 'r') == 1 then return 0 end
  if stage ~= '' then
    local before = redis.call('HGET', key, 's')
    if before and tonumber(before) >= tonumber(stage) then return 0 end
    redis.call('HSET', key, 's', stage)
  end
  redis.call('HSET', key, 'p', ARGV[1], 'g', ARGV[2])
  if ARGV[3] ~= '' then redis.call('HSET', key, 'l', ARGV[3]) end
  redis.call('PEXPIRE', key, ARGV[5])
  return 1`);
const CONSUME = script(`
  if redis.call('HEXISTS', KEYS[1], 'p') == 0 or redis.call('HEXISTS', KEYS[1], 'r') == 1 then return 'unknown' end
  if redis.call('HSETNX', KEYS[1], 'c', ARGV[1]) == 1 then return 'consumed' end
  return 'spent'`);
const REVOKE = script(`
  local left = redis.call('PTTL', KEYS[1])
  local isFirst = redis.call('HSETNX', KEYS[1], 'r', '1')
  redis.call('HDEL', KEYS[1], 'p')
  if left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return isFirst`);
const INDEX = script(`
  redis.call('SADD', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 1`);

/** In Redis: what may be lost. Every key ends with its artifact. */
export class RedisArtifacts implements ArtifactStore {
  readonly #clock: Clock;
  readonly #redis: Pick<RedisPort, 'run'>;

  constructor(clock: Clock, redis: Pick<RedisPort, 'run'>) {
    this.#clock = clock;
    this.#redis = redis;
  }

  async put(kind: Kind, { idHash, lookupHash, grantHash, expiresAt, stage, payload }: Artifact): Promise<boolean> {
    const grant = ofGrant.has(kind) ? grantHash : null;
    if (grant && !(await this.#isLive(grant))) return false;
    const [key, id, ttl] = [keyOf(kind, idHash), idHash.toString('base64url'), this.#left(expiresAt)];
    // The ways to it first: one that leads nowhere is harmless.
    if (lookupHash) await this.#redis.run((client) => client.set(lookupKey(kind, lookupHash), id, 'PX', ttl));
    if (grant) await this.#run(INDEX, indexKey(kind, grant), id, ttl);
    const fields = [
      JSON.stringify(payload),
      grant?.toString('base64url') ?? '',
      lookupHash?.toString('base64url') ?? '',
    ];
    return (await this.#run(PUT, key, ...fields, stage ?? '', ttl)) === 1;
  }

  async find(kind: Kind, idHash: Buffer): Promise<Found | null> {
    const [payload, grant, consumedAt, revoked] = await this.#redis.run((client) =>
      client.hmget(keyOf(kind, idHash), 'p', 'g', 'c', 'r'),
    );
    if (!payload || revoked) return null;
    if (grant && !(await this.#isLive(Buffer.from(grant, 'base64url')))) return null;
    return {
      idHash,
      payload: JSON.parse(payload) as Record<string, unknown>,
      consumedAt: consumedAt ? new Date(Number(consumedAt)) : null,
    };
  }

  async findByLookup(kind: Kind, lookupHash: Buffer): Promise<Found | null> {
    const id = await this.#redis.run((client) => client.get(lookupKey(kind, lookupHash)));
    return id ? this.find(kind, Buffer.from(id, 'base64url')) : null;
  }

  async consume(kind: Kind, idHash: Buffer): Promise<Consumed> {
    const key = keyOf(kind, idHash);
    const grant = await this.#redis.run((client) => client.hget(key, 'g'));
    const grantHash = grant ? Buffer.from(grant, 'base64url') : null;
    const isLive = grantHash === null || (await this.#isLive(grantHash));
    if (!isLive && !(await this.#redis.run((client) => client.hexists(key, 'c')))) return 'unknown';
    const outcome = (await this.#run(CONSUME, key, this.#clock.now().getTime())) as Consumed;
    if (outcome === 'spent' && grantHash) await this.revokeGrant(grantHash);
    return outcome;
  }

  async insertOnce(kind: Kind, { idHash, expiresAt }: Pick<Artifact, 'idHash' | 'expiresAt'>): Promise<boolean> {
    const key = `${KEY_PREFIX}once:${kind}:${idHash.toString('base64url')}`;
    return (await this.#redis.run((client) => client.set(key, '1', 'PX', this.#left(expiresAt), 'NX'))) === 'OK';
  }

  async remove(kind: Kind, idHash: Buffer): Promise<boolean> {
    const key = keyOf(kind, idHash);
    if (kind === 'Grant') return (await this.#run(REVOKE, key, KEEP_REVOKED)) === 1;
    return (await this.#redis.run((client) => client.del(key))) === 1;
  }

  async removeOfGrant(kind: Kind, grantHash: Buffer): Promise<void> {
    const ids = await this.#redis.run((client) => client.smembers(indexKey(kind, grantHash)));
    const keys = [...ids.map((id) => keyOf(kind, Buffer.from(id, 'base64url'))), indexKey(kind, grantHash)];
    // One by one: the keys of one command must share a slot in a cluster.
    await this.#redis.run((client) => Promise.all(keys.map((key) => client.del(key))));
  }

  async revokeGrant(grantHash: Buffer): Promise<void> {
    await this.remove('Grant', grantHash);
  }

  /** Redis removes what expired by itself. */
  async purge(): Promise<number> {
    return 0;
  }

  async #isLive(grantHash: Buffer): Promise<boolean> {
    return (await this.#redis.run((client) => client.hexists(keyOf('Grant', grantHash), 'p'))) === 1;
  }

  #left(expiresAt: Date): number {
    return Math.max(1, expiresAt.getTime() - this.#clock.now().getTime());
  }

  async #run({ text, sha }: Script, key: string, ...args: (string | number)[]): Promise<unknown> {
    return this.#redis.run(async (client) => {
      try {
        return await client.evalsha(sha, 1, key, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return client.eval(text, 1, key, ...args);
      }
    });
  }
}

const keyOf = (kind: Kind, hash: Buffer): string => `${KEY_PREFIX}artifact:${kind}:${hash.toString('base64url')}`;
const lookupKey = (kind: Kind, hash: Buffer): string => `${KEY_PREFIX}lookup:${kind}:${hash.toString('base64url')}`;
const indexKey = (kind: Kind, grant: Buffer): string => `${KEY_PREFIX}of-grant:${kind}:${grant.toString('base64url')}`;

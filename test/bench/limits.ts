/** The counters of limits after a run, and their removal: a run leaves nothing on shared servers. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { Backends } from './backends.ts';
import { raised } from './product.ts';

export async function keysIn(redisUrl: string): Promise<Set<string>> {
  const redis = new Redis(redisUrl);
  const keys = await redis.keys('latchkey:*');
  redis.disconnect();
  return new Set(keys);
}

/** Says what was raised, which requests a limit refused, and what was counted; removes from Redis what the run has left there. */
export async function settleLimits(
  { databaseUrl, redisUrl }: Backends,
  before: ReadonlySet<string>,
  logFile: string,
): Promise<string> {
  const left = [...(await keysIn(redisUrl))].filter((key) => !before.has(key));
  const redis = new Redis(redisUrl);
  for (const key of left) await redis.del(key);
  redis.disconnect();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ many: number }>('select count(*)::int as many from attempt_counter');
  await client.end();
  const refused = readFileSync(logFile, 'utf8').match(/"status":429\b/g)?.length ?? 0;
  const settings = Object.entries(raised).map(([name, value]) => `${name}=${value}`);
  const counters = left.filter((key) => key.startsWith('latchkey:limit:'));
  return [
    `Settings that differ: ${settings.join(', ')}. Requests that a limit refused: ${refused}.`,
    `Removed: ${left.length} keys of Redis (counters: ${counters.join(', ') || 'none'}); with the database: ${rows[0]?.many ?? 0} counters of attempts.`,
  ].join('\n');
}

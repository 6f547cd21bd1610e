import { openDatabase } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { openRedis } from '#kernel/redis/port.ts';
import { MemoryArtifacts } from '../../src/oidc/artifacts/memory-artifacts.ts';
import { PostgresArtifacts } from '../../src/oidc/artifacts/postgres-artifacts.ts';
import { RedisArtifacts } from '../../src/oidc/artifacts/redis-artifacts.ts';
import { emptyRedis } from '../support/app.ts';
import { openPglite, openTestDatabase } from '../support/database.ts';
import { describeArtifactStore } from './artifact-store.contract.ts';

const redisUrl = process.env['TEST_REDIS_URL'];
const clusterUrl = process.env['TEST_REDIS_CLUSTER_URL'];
const log = createLog({ level: 'silent' });

describeArtifactStore({
  name: 'in one process',
  runs: true,
  isPurged: true,
  async open(clock) {
    const store = new MemoryArtifacts(clock, 100_000);
    return { nodes: [store, store], close: async () => undefined };
  },
});

describeArtifactStore({
  name: 'on the embedded database',
  runs: true,
  isPurged: true,
  async open(clock) {
    const pglite = await openPglite();
    const config = { databaseUrl: undefined, databasePool: 1 };
    const database = await openDatabase({ config, log, entities: [], pglite });
    return {
      nodes: [new PostgresArtifacts(clock, database), new PostgresArtifacts(clock, database)],
      async close() {
        await database.close();
        await pglite.close();
      },
    };
  },
});

describeArtifactStore({
  name: 'on PostgreSQL (TEST_DATABASE_URL)',
  runs: process.env['TEST_DATABASE_URL'] !== undefined,
  isPurged: true,
  async open(clock) {
    const database = await openTestDatabase();
    return {
      nodes: [new PostgresArtifacts(clock, database), new PostgresArtifacts(clock, database)],
      close: () => database.close(),
    };
  },
});

for (const [name, url] of [
  ['Redis (TEST_REDIS_URL)', redisUrl],
  ['a Redis cluster (TEST_REDIS_CLUSTER_URL)', clusterUrl],
] as const) {
  describeArtifactStore({
    name: `in ${name}`,
    runs: url !== undefined,
    isPurged: false,
    async open(clock) {
      const own = url === redisUrl ? await emptyRedis(url!) : url;
      const ports = [openRedis({ url: own, log })!, openRedis({ url: own, log })!] as const;
      for (const port of ports) if (!(await port.connected(2000))) throw new Error('no Redis');
      return {
        nodes: [new RedisArtifacts(clock, ports[0]), new RedisArtifacts(clock, ports[1])],
        close: async () => ports.forEach((port) => port.close()),
      };
    },
  });
}

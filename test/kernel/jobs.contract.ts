import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { HOUR, MINUTE, SECOND, systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createJobs, type Job, type JobDefinition, type Jobs } from '#kernel/jobs.ts';
import { createLog } from '#kernel/log.ts';

export type JobsBackend = {
  name: string;
  runs: boolean;
  /** An empty database. */
  open(): Promise<{ database: Database; databaseUrl: string | undefined }>;
};

const keyRing = createKeyRing(['a secret of the tests, long enough']);
export const definition = (handler: JobDefinition['handler'], more: Partial<JobDefinition> = {}): JobDefinition => ({
  handler,
  retries: 3,
  backoff: { first: SECOND, max: SECOND },
  expire: MINUTE,
  ...more,
});

/** Requirements for jobs on every database. */
export function describeJobs({ name, runs, open }: JobsBackend): void {
  describe.runIf(runs)(`jobs ${name}`, () => {
    let database: Database;
    let databaseUrl: string | undefined;
    const lines: Record<string, unknown>[] = [];
    const log = createLog({
      level: 'warn',
      destination: { write: (line) => void lines.push(JSON.parse(line) as never) },
    });

    beforeAll(async () => {
      ({ database, databaseUrl } = await open());
      await database.sql('create table effect (name text)');
    });
    afterAll(() => database.close());

    /** A node with one queue of its own. */
    async function node(queue: string, made: JobDefinition, options: { start?: boolean } = {}): Promise<Jobs> {
      const jobs = createJobs({ database, config: { databaseUrl }, keyRing, clock: systemClock, log });
      onTestFinished(() => jobs.stop(SECOND));
      jobs.define(queue, made);
      await jobs.open();
      if (options.start !== false) await jobs.start();
      return jobs;
    }
    const fresh = () => `queue-${crypto.randomUUID()}`;
    const rows = (queue: string) =>
      database.sql('select * from latchkey_jobs.job where name = $1 order by singleton_key', [queue]);

    test('a job runs with its data', async () => {
      const queue = fresh();
      const ran: Job[] = [];
      const jobs = await node(
        queue,
        definition(async (job) => void ran.push(job)),
      );
      const data = { text: 'ключ 🔑 "', list: [1, null, true], deep: { at: 'x'.repeat(20_000) } };
      await jobs.send(queue, data);
      // Sooner than a node of the embedded database looks by itself.
      await vi.waitFor(() => expect(ran).toHaveLength(1), { timeout: 4000 });
      expect(ran[0]).toMatchObject({ data, attempt: 1, isLastAttempt: false });
      expect(Math.abs(ran[0]!.createdAt.getTime() - systemClock.now().getTime())).toBeLessThan(MINUTE);
    });

    test('a job sent in a transaction exists after the commit and not before', async () => {
      const queue = fresh();
      const ran: unknown[] = [];
      const jobs = await node(
        queue,
        definition(async ({ data }) => void ran.push(data['n'])),
      );
      await database.transaction(async (em) => {
        await em.execute('insert into effect values (?)', [queue]);
        await jobs.send(queue, { n: 1 }, { em });
        // On the embedded database nobody else can look while a transaction is open.
        if (!database.embedded) expect(await rows(queue)).toEqual([]);
        expect(ran).toEqual([]);
      });
      await vi.waitFor(() => expect(ran).toEqual([1]), { timeout: 60_000 });
    });

    test('a job of a failed transaction never runs', async () => {
      const queue = fresh();
      const ran: unknown[] = [];
      const jobs = await node(
        queue,
        definition(async ({ data }) => void ran.push(data['n'])),
      );
      const failing = database.transaction(async (em) => {
        await jobs.send(queue, { n: 1 }, { em });
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      await jobs.send(queue, { n: 2 });
      await vi.waitFor(() => expect(ran).toEqual([2]), { timeout: 60_000 });
      expect(await rows(queue)).toHaveLength(1);
    });

    test('twenty transactions at once each create their job', async () => {
      const queue = fresh();
      const ran: unknown[] = [];
      const jobs = await node(
        queue,
        definition(async ({ data }) => void ran.push(data['n']), { concurrency: 4 }),
      );
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => database.transaction((em) => jobs.send(queue, { n }, { em }))),
      );
      await vi.waitFor(() => expect(new Set(ran).size).toBe(20), { timeout: 60_000 });
    });

    test('a failed job is retried until it succeeds', async () => {
      const queue = fresh();
      const attempts: [number, boolean][] = [];
      const jobs = await node(
        queue,
        definition(
          async ({ attempt, isLastAttempt }) => {
            attempts.push([attempt, isLastAttempt]);
            if (attempt < 3) throw new Error('not yet');
          },
          { retries: 2 },
        ),
      );
      await jobs.send(queue, {});
      await vi.waitFor(() => expect(attempts).toHaveLength(3), { timeout: 60_000, interval: 200 });
      expect(attempts).toEqual([
        [1, false],
        [2, false],
        [3, true],
      ]);
      await vi.waitFor(async () => expect(await rows(queue)).toMatchObject([{ state: 'completed' }]), {
        timeout: 60_000,
      });
    });

    test('a job that fails for good is logged as an error, and its secrets stay out of the table', async () => {
      const queue = fresh();
      const jobs = await node(
        queue,
        definition(() => Promise.reject(Object.assign(new Error('canary in the error'), { code: 'EAUTH' })), {
          retries: 0,
        }),
      );
      await jobs.send(queue, { code: 'canary in the data' });
      await vi.waitFor(async () => expect(await rows(queue)).toMatchObject([{ state: 'failed' }]), { timeout: 60_000 });
      const [row] = await rows(queue);
      expect(JSON.stringify(row)).not.toContain('canary');
      expect(JSON.stringify(row)).toContain('Error EAUTH');
      expect(lines).toContainEqual(expect.objectContaining({ level: 'error', queue, attempt: 1 }) as unknown);
    });

    test('a delayed job waits', async () => {
      const queue = fresh();
      const ran: number[] = [];
      const jobs = await node(
        queue,
        definition(async () => void ran.push(performance.now())),
      );
      const start = performance.now();
      await jobs.send(queue, {}, { startAfter: new Date(systemClock.now().getTime() + 2500) });
      await jobs.send(queue, {}, { startAfter: new Date(systemClock.now().getTime() + HOUR) });
      await vi.waitFor(() => expect(ran).toHaveLength(1), { timeout: 60_000, interval: 100 });
      expect(ran[0]! - start).toBeGreaterThan(2300);
    });

    test('a unique queue keeps one waiting job for each key, also across transactions', async () => {
      const queue = fresh();
      const jobs = await node(
        queue,
        definition(async () => undefined, { unique: true }),
        { start: false },
      );
      for (let i = 0; i < 3; i += 1) {
        await jobs.send(queue, { i }, { singletonKey: 'a' });
        await database.transaction((em) => jobs.send(queue, { i }, { em, singletonKey: 'b' }));
      }
      expect((await rows(queue)).map((row) => row['singleton_key'])).toEqual(['a', 'b']);
    });

    test('one slow job does not delay the others of its queue', async () => {
      const queue = fresh();
      const ran: unknown[] = [];
      const jobs = await node(
        queue,
        definition(
          async ({ data, signal }) => {
            if (data['n'] === 0) await sleep(10_000, undefined, { signal }).catch(() => undefined);
            else ran.push(data['n']);
          },
          { concurrency: 2 },
        ),
      );
      for (let n = 0; n <= 10; n += 1) await jobs.send(queue, { n });
      await vi.waitFor(() => expect(ran).toHaveLength(10), { timeout: 4000 });
    });

    test('an attempt that takes too long is aborted and counts as failed', async () => {
      const queue = fresh();
      const ends: boolean[] = [];
      const jobs = await node(
        queue,
        definition(
          async ({ signal }) => {
            await sleep(20_000, undefined, { signal }).catch(() => undefined);
            ends.push(signal.aborted);
          },
          { expire: SECOND, retries: 0 },
        ),
      );
      await jobs.send(queue, {});
      await vi.waitFor(async () => expect(await rows(queue)).toMatchObject([{ state: 'failed' }]), { timeout: 60_000 });
      expect(ends).toEqual([true]);
    });

    test('a stopping process returns its unfinished jobs, and another process runs them', async () => {
      const queue = fresh();
      let begun = 0;
      const first = await node(
        queue,
        definition(async ({ signal }) => {
          begun += 1;
          await sleep(20_000, undefined, { signal }).catch(() => undefined);
        }),
      );
      await first.send(queue, { n: 1 });
      await vi.waitFor(() => expect(begun).toBe(1), { timeout: 60_000 });
      const start = performance.now();
      await first.stop(SECOND);
      expect(performance.now() - start).toBeLessThan(3500);
      await expect(first.send(queue, {})).rejects.toThrow('not open');

      const ran: unknown[] = [];
      await node(
        queue,
        definition(async ({ data, attempt }) => void ran.push([data['n'], attempt])),
      );
      await vi.waitFor(() => expect(ran).toEqual([[1, 2]]), { timeout: 60_000, interval: 200 });
    });

    test('a stopping process lets a job finish within its time', async () => {
      const queue = fresh();
      let ended = false;
      let begun = false;
      const work = Promise.withResolvers<void>();
      const jobs = await node(
        queue,
        definition(async () => {
          begun = true;
          await work.promise;
          ended = true;
        }),
      );
      await jobs.send(queue, {});
      await vi.waitFor(() => expect(begun).toBe(true), { timeout: 60_000 });
      const stopped = jobs.stop(5 * SECOND);
      work.resolve();
      await stopped;
      expect(ended).toBe(true);
      expect(await rows(queue)).toMatchObject([{ state: 'completed' }]);
    });

    test('a changed definition is applied', async () => {
      const queue = fresh();
      const before = await node(
        queue,
        definition(async () => undefined, { retries: 1 }),
        { start: false },
      );
      await before.stop(0);
      await node(
        queue,
        definition(async () => undefined, { retries: 7, expire: HOUR }),
        { start: false },
      );
      const [row] = await database.sql('select retry_limit, expire_seconds from latchkey_jobs.queue where name = $1', [
        queue,
      ]);
      expect(row).toEqual({ retry_limit: 7, expire_seconds: 3600 });
    });

    test('schedules are stored, and deleted when no definition exists', async () => {
      const queue = fresh();
      const scheduled = () =>
        database.sql<{ cron: string }>('select cron from latchkey_jobs.schedule where name = $1', [queue]);
      const before = await node(
        queue,
        definition(async () => undefined, { schedule: '*/5 * * * *' }),
      );
      expect(await scheduled()).toEqual([{ cron: '*/5 * * * *' }]);
      await before.stop(0);
      await node(
        queue,
        definition(async () => undefined),
      );
      expect(await scheduled()).toEqual([]);
    });

    test('a missing step is an error at once: opening, defining', async () => {
      const jobs = createJobs({ database, config: { databaseUrl }, keyRing, clock: systemClock, log });
      onTestFinished(() => jobs.stop(0));
      await expect(jobs.send('unopened', {})).rejects.toThrow('not open');
      await jobs.open();
      await expect(jobs.send('undefined', {})).rejects.toThrow('the queue undefined is not defined');
      expect(() =>
        jobs.define(
          'late',
          definition(async () => undefined),
        ),
      ).toThrow('too late');
    });
  });
}

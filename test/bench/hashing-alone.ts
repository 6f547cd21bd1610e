/** The yardstick of a sign-in by password: how many hashes a second this machine checks when it does nothing else. */
import { availableParallelism } from 'node:os';
import { hashPassword, verifyPassword } from '#credentials/passwords/password-hash.ts';

export type Hashing = { perSecond: number; /** Milliseconds of one hash. */ p50: number; p99: number };

async function measure(milliseconds: number): Promise<Hashing> {
  const hash = await hashPassword('correct horse battery staple 9');
  const times: number[] = [];
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let now = performance.now(); now < begin + milliseconds;) {
        if (!(await verifyPassword(hash, 'correct horse battery staple 9')))
          throw new Error('the right password is wrong');
        const then = now;
        now = performance.now();
        times.push(now - then);
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  const sorted = times.toSorted((a, b) => a - b);
  return {
    perSecond: times.length / seconds,
    p50: sorted[Math.floor(sorted.length / 2)] ?? 0,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}

process.on(
  'message',
  ({ milliseconds }: { milliseconds: number }) =>
    void measure(milliseconds).then((hashing) => process.send?.({ hashing })),
);
process.send?.({ ready: true });

/**
 * The yardsticks of a sign-in by password: how many hashes a second this machine checks when it does nothing else, by the library
 * that most products use (argon2), and by the one that Latchkey uses.
 */
import argon2 from 'argon2';
import { availableParallelism } from 'node:os';
import { hashPassword, verifyPassword } from '#credentials/passwords/password-hash.ts';

export type Hashing = { perSecond: number; /** Milliseconds of one hash. */ p50: number; p99: number };

export type HashLibrary = 'argon2' | 'ours';

const verifiers: Readonly<Record<HashLibrary, (hash: string, password: string) => Promise<boolean>>> = {
  argon2: (hash, password) => argon2.verify(hash, password),
  ours: verifyPassword,
};

async function measure(library: HashLibrary, milliseconds: number): Promise<Hashing> {
  const verify = verifiers[library];
  const hash = await hashPassword('correct horse battery staple 9');
  const times: number[] = [];
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let now = performance.now(); now < begin + milliseconds;) {
        if (!(await verify(hash, 'correct horse battery staple 9'))) throw new Error('the right password is wrong');
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
  ({ library, milliseconds }: { library: HashLibrary; milliseconds: number }) =>
    void measure(library, milliseconds).then((hashing) => process.send?.({ hashing })),
);
process.send?.({ ready: true });

/** The process that loads a server: it takes a job from its parent, keeps its connections busy, checks every answer. */
import { signIn, type SignInJob } from './sign-in.ts';
import { Connection, post } from './wire.ts';

/** A measurement: its requests, and the check of every response. */
export type Work =
  | { kind: 'requests'; requests: readonly string[]; status: number; holds: string }
  | { kind: 'refresh'; host: string; path: string; authorization: string; chains: string[] }
  | ({ kind: 'sign-in' } & SignInJob);

export type Job = { port: number; connections: number; milliseconds: number; most: number; work: Work };

export type Result = {
  count: number;
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Of this process, in seconds of CPU for each second. */
  ownCpu: number;
  /** The tokens at the end of each chain, for the next round. */
  chains: string[];
};

type Once = (connection: Connection, place: number) => Promise<void>;

function once(work: Work, connections: number): Once {
  if (work.kind === 'requests') {
    let next = 0;
    return async (connection) => {
      const request = work.requests[(next += 1) % work.requests.length] ?? '';
      const { status, body } = await connection.send(request);
      if (status !== work.status || !body.includes(work.holds))
        throw new Error(`a wrong answer: ${status} ${body.slice(0, 300)}`);
    };
  }
  if (work.kind === 'refresh') {
    const turns = Array.from({ length: connections }, () => 0);
    const perPlace = Math.max(1, Math.floor(work.chains.length / connections));
    return async (connection, place) => {
      const turn = (turns[place] = (turns[place] ?? 0) + 1);
      const chain = place * perPlace + (turn % perPlace);
      const token = work.chains[chain] ?? '';
      const request = post(
        { host: work.host, path: work.path, headers: { Authorization: work.authorization } },
        { grant_type: 'refresh_token', refresh_token: token },
      );
      const { status, body } = await connection.send(request);
      const next = status === 200 ? (JSON.parse(body) as Record<string, unknown>) : {};
      if (
        typeof next['refresh_token'] !== 'string' ||
        next['refresh_token'] === token ||
        !next['id_token'] ||
        !next['access_token']
      )
        throw new Error(`a wrong answer: ${status} ${body.slice(0, 300)}`);
      work.chains[chain] = next['refresh_token'];
    };
  }
  return (connection, place) => signIn(connection, work, place);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

async function run({ port, connections, milliseconds, most, work }: Job): Promise<Result> {
  const act = once(work, connections);
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + milliseconds;
  await Promise.all(
    Array.from({ length: connections }, async (_, place) => {
      const connection = new Connection(port);
      for (let now = performance.now(); now < end && times.length < most;) {
        await act(connection, place);
        const then = now;
        now = performance.now();
        times.push(now - then);
      }
      connection.close();
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    count: times.length,
    perSecond: times.length / seconds,
    p50: at(sorted, 0.5),
    p99: at(sorted, 0.99),
    ownCpu: (user + system) / 1e6 / seconds,
    chains: work.kind === 'refresh' ? work.chains : [],
  };
}

process.on('message', (job: Job) => {
  void run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.send?.({ ready: true });

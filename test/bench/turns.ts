/** Two sides in turns, each turn in the other order than the one before, so that what the machine does meanwhile hits both. */
import { cpuSeconds, type Worker } from './children.ts';
import type { Job, Result } from './load.ts';
import { median } from './table.ts';

export type Side = { port: number; pid: number; work: Job['work'] };
export type Compared = { ours: Summary; theirs: Summary; ratio: number };
export type Summary = {
  perSecond: number;
  p50: number;
  p99: number;
  /** Microseconds of the server's processor for each. */ cpu: number;
};
export type Turn = Result & { cpu: number };
export type Turns = { rounds: number; milliseconds: number; connections: number };

/** However fast a server is, it is not asked more often than this in one turn. */
const MOST = 100_000;

export class Turntable {
  readonly #load: Worker;
  readonly #turns: Turns;

  constructor(load: Worker, turns: Turns) {
    this.#load = load;
    this.#turns = turns;
  }

  async compare(ours: Side, theirs: Side): Promise<Compared> {
    await this.turn(ours, this.#turns.milliseconds / 2);
    await this.turn(theirs, this.#turns.milliseconds / 2);
    const results: { ours: Turn; theirs: Turn }[] = [];
    for (let round = 0; round < this.#turns.rounds; round += 1) {
      const first = await this.turn(round % 2 === 0 ? ours : theirs);
      const second = await this.turn(round % 2 === 0 ? theirs : ours);
      results.push(round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
    }
    return {
      ours: summary(results.map((result) => result.ours)),
      theirs: summary(results.map((result) => result.theirs)),
      ratio: median(results.map((result) => result.ours.perSecond / result.theirs.perSecond)),
    };
  }

  async turn(side: Side, milliseconds = this.#turns.milliseconds): Promise<Turn> {
    const job: Job = {
      port: side.port,
      connections: this.#turns.connections,
      milliseconds,
      most: MOST,
      work: side.work,
    };
    const before = cpuSeconds(side.pid);
    const { result } = await this.#load.ask<{ result: Result }>(job);
    const cpu = ((cpuSeconds(side.pid) - before) * 1e6) / result.count;
    if (side.work.kind === 'refresh') side.work.chains = result.chains;
    return { ...result, cpu };
  }
}

export function summary(results: readonly Turn[]): Summary {
  return {
    perSecond: median(results.map((result) => result.perSecond)),
    p50: median(results.map((result) => result.p50)),
    p99: median(results.map((result) => result.p99)),
    cpu: median(results.map((result) => result.cpu)),
  };
}

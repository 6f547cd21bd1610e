import { setImmediate } from 'node:timers/promises';
import { ROUNDS_A_TURN } from '../limits.ts';

/** Old formats hash many times over, in JavaScript: nothing else may wait for that. */
export async function repeat(rounds: number, step: (round: number) => void): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    step(round);
    if (round % ROUNDS_A_TURN === ROUNDS_A_TURN - 1) await setImmediate();
  }
}

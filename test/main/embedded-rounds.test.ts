import { expect, test } from 'vitest';
import { playRounds } from './embedded-rounds.ts';

test('servers and commands that start at random on one embedded folder lose nothing, and report errors with advice', async () => {
  const { wrong, created, gaveWay } = await playRounds(2, { commands: 2, pace: 0.4, killsEach: 2 });
  expect(wrong).toEqual([]);
  expect(created).toBeGreaterThan(0);
  expect(gaveWay).toBeGreaterThan(0);
}, 600_000);

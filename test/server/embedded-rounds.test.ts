import { expect, test } from 'vitest';
import { playRounds } from './embedded-rounds.ts';

test('servers and commands that start at random on one embedded folder lose nothing, and say what to do', async () => {
  const { wrong, created, gaveWay } = await playRounds(10, { pace: 0.5 });
  expect(wrong).toEqual([]);
  expect(created).toBeGreaterThan(20);
  expect(gaveWay).toBeGreaterThan(0);
}, 600_000);

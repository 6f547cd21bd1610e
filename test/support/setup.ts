/** Runs ahead of every test file. Files of one worker share a process: each leaves it as it found it. */
import { afterAll, vi } from 'vitest';

const variables = { ...process.env };
const mask = process.umask();

afterAll(() => {
  vi.useRealTimers();
  process.umask(mask);
  for (const name of Object.keys(process.env)) if (!(name in variables)) delete process.env[name];
  Object.assign(process.env, variables);
});

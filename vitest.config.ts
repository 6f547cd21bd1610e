import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/e2e/**/*.spec.ts'],
    // A file that opens an embedded database or a browser takes seconds to set up on a small machine.
    testTimeout: 30_000,
    hookTimeout: 90_000,
    teardownTimeout: 20_000,
    // Files run side by side in processes of their own; a process holds an embedded database (some 600 MB).
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    env: { TZ: 'UTC' },
  },
});

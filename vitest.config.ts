import { configDefaults, defineConfig } from 'vitest/config';

/** What knows no database is the same on every one. */
const withoutDatabase = [
  'test/{views,letters,architecture}.test.ts',
  'test/docs/**',
  'test/e2e/{pages,brand-colors}.spec.ts',
];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/e2e/**/*.spec.ts'],
    exclude: [...configDefaults.exclude, ...(process.env['TEST_DATABASE_URL'] ? withoutDatabase : [])],
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

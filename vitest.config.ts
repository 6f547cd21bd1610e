import { configDefaults, defineConfig } from 'vitest/config';

/**
 * What a run on PostgreSQL and Redis (TEST_DATABASE_URL) leaves out, because it cannot come out differently there. Every other
 * file runs on both, a new one too.
 */
const sameEverywhere = [
  // No database at all: templates, letters, imports, documents, the installer.
  'test/{views,letters,architecture}.test.ts',
  'test/{docs,bin}/**',
  'test/kernel/http/{outbound,request-guard,ready-made}.test.ts',
  'test/kernel/{tracing,mail/smtp}.test.ts',
  'test/credentials/foreign-hashes/**',
  // Text and code alone: words, declarations of operations and commands, what is loaded.
  'test/{plain-words,operations}.test.ts',
  'test/main/{kept-commands,loading}.test.ts',
  // Processes that fail before they have a database, or around an application of the test.
  'test/kernel/log/mend.test.ts',
  'test/main/{process,server}.test.ts',
  // Listener, TLS, files and headers of answers, which no storage sees.
  'test/kernel/http/{listener,tls,security-headers,static}.test.ts',
  'test/attacks/http/browser-headers.test.ts',
  // The folder of the embedded database, which there is none of there.
  'test/kernel/data-folder/**',
  'test/main/embedded-rounds.test.ts',
  'test/attacks/data/folder-modes.test.ts',
  // Browsers send what the flows of the same slices send over HTTP, which run on both; pages are the same on both.
  'test/e2e/**',
];

/** What counts what the servers are asked, and so runs on PostgreSQL and Redis alone. */
const onServersAlone = ['test/sign-in/interaction/sign-in-cost.test.ts'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/e2e/**/*.spec.ts'],
    exclude: [...configDefaults.exclude, ...(process.env['TEST_DATABASE_URL'] ? sameEverywhere : onServersAlone)],
    // A file that opens an embedded database or a browser takes seconds to set up on a small machine.
    testTimeout: 30_000,
    hookTimeout: 90_000,
    teardownTimeout: 20_000,
    // Three processes share the files: on two cores the third uses the time in which the others wait. Each loads the product once and starts one browser and, as a rule, one embedded
    // database; a file gets an application of its own on that database, and `close` empties both for the next file. So a file
    // that changes something of the whole process must put it back; test/support/setup.ts does so for the usual things.
    pool: 'forks',
    maxWorkers: 3,
    isolate: false,
    setupFiles: ['test/support/setup.ts'],
    // A condition is waited for as long as a slow machine needs; a fast one goes on at once.
    expect: { poll: { timeout: 10_000, interval: 20 } },
    reporters: ['default'],
    env: { TZ: 'UTC' },
  },
});

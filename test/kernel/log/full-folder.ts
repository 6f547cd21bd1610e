/** A process of a test: opens the embedded database in a folder that takes no more, and says what an operator is told. */
import { PGlite } from '@electric-sql/pglite';
import { join } from 'node:path';
import { failureOfFolder } from '#kernel/log/mend.ts';

const dataFolder = process.argv[2] ?? '';
try {
  await PGlite.create({ dataDir: join(dataFolder, 'database') });
  process.stderr.write('opened\n');
} catch (error) {
  process.stderr.write(`${failureOfFolder(error, { embedded: true, dataFolder })}\n`);
  process.exitCode = 1;
}

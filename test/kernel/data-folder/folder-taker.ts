/** A process that takes a data folder as a command does, says what came of it, and keeps it until it is killed. */
import { ownDataFolder } from '#kernel/data-folder/data-folder.ts';

const [path = '', patience = '0'] = process.argv.slice(2);
try {
  await ownDataFolder(path, {
    task: { command: 'user create' },
    onWaiting: () => undefined,
    patience: Number(patience),
  });
  process.stdout.write('owner');
  setInterval(() => undefined, 60_000);
} catch (error) {
  process.stdout.write(String(error));
}

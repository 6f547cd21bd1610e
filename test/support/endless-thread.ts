/** A thread that never answers a message with the word "endless", and that dies of "death". */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', (job: { opened: string }) => {
  if (job.opened === 'death') process.exit(1);
  while (job.opened === 'endless');
  parentPort?.postMessage({ kind: 'verified', value: job.opened }, []);
});
parentPort?.postMessage('ready', []);

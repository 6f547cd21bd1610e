/** The thread that reads messages: whatever a message does to a library, it does here, and `ThreadPool` ends the thread. */
import { parentPort } from 'node:worker_threads';
import { carryOut, type Job } from './job.ts';
import { warmUp } from './warm-up.ts';

parentPort?.on('message', (job: Job) => parentPort?.postMessage(carryOut(job), []));
warmUp();
parentPort?.postMessage('ready', []);

/** The thread that reads messages: whatever a message does to a library, it does here, and `ThreadPool` ends the thread. */
import { parentPort } from 'node:worker_threads';
import { carryOut, type Job } from './job.ts';

parentPort?.on('message', (job: Job) => parentPort?.postMessage(carryOut(job), []));
parentPort?.postMessage('ready', []);

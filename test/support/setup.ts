/** Runs ahead of every test file. Files of one worker share a process: each leaves it as it found it. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, vi } from 'vitest';
import { checkEveryEvent } from './event-details.ts';

checkEveryEvent();

const variables = { ...process.env };
const mask = process.umask();
const authorities = getCACertificates('default');

afterAll(() => {
  vi.useRealTimers();
  process.umask(mask);
  if (getCACertificates('default').length !== authorities.length) setDefaultCACertificates(authorities);
  for (const name of Object.keys(process.env)) if (!(name in variables)) delete process.env[name];
  Object.assign(process.env, variables);
});

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import { type BreachCheck, BreachedPasswords } from '../../../src/credentials/passwords/breached-passwords.ts';
import { testClock } from '../../support/clock.ts';

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex').toUpperCase();
const known = 'correct horse battery';
const padding = 'a password that only fills the answer';

/** The service's response to a request. */
let answer: 'range' | 'error' | 'silence' | 'flood';
let asked: Pick<IncomingMessage, 'url' | 'headers'>[] = [];
const server = createServer((req, res) => {
  asked.push(req);
  if (answer === 'silence') return;
  if (answer === 'error') return void res.writeHead(503).end();
  if (answer === 'flood') return void res.end('0'.repeat(300 * 1024));
  const lines = [`${sha1(known).slice(5)}:42`, `${sha1(padding).slice(5)}:0`, `${'0'.repeat(35)}:7`];
  res.end(lines.join('\r\n'));
});
let service: string;
let warned: string[] = [];
const log = { warn: (_fields: unknown, text?: string) => void warned.push(text ?? '') };
const outbound = createOutbound({ allow: ['127.0.0.1'], log });

beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  service = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`;
});
afterAll(async () => {
  await outbound.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answer = 'range';
  asked = [];
  warned = [];
});

function open(url: string | null = service) {
  const clock = testClock();
  const counted: BreachCheck[] = [];
  const breached = new BreachedPasswords({
    clock,
    outbound,
    log,
    counted: (outcome) => void counted.push(outcome),
  });
  const policy = { breachCheck: url !== null, breachUrl: url ?? service };
  return { has: (password: string) => breached.has(password, policy), clock, counted };
}

test('a breached password is found by five digits of its hash, with padding requested', async () => {
  const { has, counted } = open();
  expect(await has(known)).toBe(true);
  expect(asked.map(({ url }) => url)).toEqual([`/range/${sha1(known).slice(0, 5)}`]);
  expect(asked[0]?.headers['add-padding']).toBe('true');
  expect(JSON.stringify(asked[0]?.headers)).not.toContain(sha1(known).slice(5));
  expect(counted).toEqual(['found']);
});

test('a password that is missing from the response, or only padding, is not breached', async () => {
  const { has, counted } = open();
  expect(await has('granite otter lantern')).toBe(false);
  expect(await has(padding)).toBe(false);
  expect(counted).toEqual(['not_found', 'not_found']);
});

test('the check does not depend on the composition of the characters', async () => {
  const { has } = open();
  await has('Zürich in the mörning'.normalize('NFD'));
  expect(asked[0]?.url).toBe(`/range/${sha1('Zürich in the mörning'.normalize('NFC')).slice(0, 5)}`);
});

test.each(['error', 'silence', 'flood'] as const)(
  'without a response (%s) the password is accepted, the log says so once, and no request follows for ten minutes',
  async (mood) => {
    answer = mood;
    const { has, clock, counted } = open();
    expect(await has(known)).toBe(false);
    expect(await has(known)).toBe(false);
    expect(asked).toHaveLength(1);
    expect(warned).toHaveLength(1);
    answer = 'range';
    clock.advance(10 * MINUTE);
    expect(await has(known)).toBe(true);
    expect(counted).toEqual(['failed', 'skipped', 'found']);
  },
);

test('without a service in the policy no request is sent', async () => {
  const { has, counted } = open(null);
  expect(await has(known)).toBe(false);
  expect(asked).toEqual([]);
  expect(counted).toEqual(['skipped']);
});

/** Logos that clients name: what is no small picture is not shown, whatever its server says about it, and no redirect is followed. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ClientLogos } from '#branding/client-logos.ts';
import { createCache } from '#kernel/cache.ts';
import type { Database } from '#kernel/database.ts';
import type { InvalidationHandler } from '#kernel/invalidation.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import { openTestDatabase } from '../../support/database.ts';

const HOUR = 3_600_000;
const picture = (width: number, height = width, background = '#0a3fb5') =>
  sharp({ create: { width, height, channels: 4, background } })
    .png()
    .toBuffer();

let database: Database;
let base: string;
let answer: (res: ServerResponse) => unknown;
let requests: string[];
let sent: unknown[];
let lines: { problem?: unknown }[];
let now: Date;
let clients: Map<string, { name: string; registered: boolean; metadata: { logo_uri?: string } }>;
let registeredLogos: boolean;
let good: Buffer;

const upstream = createServer((req, res) => {
  requests.push(req.url ?? '');
  void answer(res);
});
const outbound = () =>
  createOutbound({ allow: [new URL(base).host.split(':')[0]!], log: { warn: () => undefined } as never });

const handlers: InvalidationHandler[] = [];
const invalidation = {
  publish: async (_topic: string, key: string) => handlers.forEach((handler) => handler.changed(key)),
  subscribe: (_topic: string, handler: InvalidationHandler) => void handlers.push(handler),
  isHealthy: () => true,
};

function open(connection = outbound()) {
  return new ClientLogos({
    clock: { now: () => now },
    database,
    log: { info: () => undefined, warn: (fields: object) => void lines.push(fields) } as never,
    policies: { for: () => ({ oidc: { registeredLogos } }) } as never,
    outbound: connection,
    jobs: { send: async (_queue, data) => void sent.push(data) },
    cache: createCache({ name: 'client-logos', maxEntries: 10, ttl: 30_000, clock: { now: () => now }, invalidation }),
    clients: {
      find: async (clientId) => clients.get(clientId) ?? null,
      missing: async (clientIds) => clientIds.filter((id) => !clients.has(id)),
    },
  });
}

beforeAll(async () => {
  database = await openTestDatabase();
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  good = await picture(300, 100);
});
afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from client_logo');
  [requests, sent, lines, registeredLogos] = [[], [], [], false];
  now = new Date('2026-11-30T12:00:00Z');
  clients = new Map([['shop', { name: 'Shop', registered: false, metadata: { logo_uri: `${base}/logo.png` } }]]);
  answer = (res) => res.setHeader('content-type', 'image/png').end(good);
});

const later = (milliseconds: number): void => void (now = new Date(now.getTime() + milliseconds));
const urlOf = async (logos: ClientLogos) => (await logos.shown('shop'))?.logoUrl ?? null;
const fileOf = (url: string | null) => url?.slice('/client-logos/'.length) ?? '';

test('a page never asks the server of the client: it plans the fetch once, and shows the logo when it is there', async () => {
  const logos = open();
  expect([await urlOf(logos), await urlOf(logos)]).toEqual([null, null]);
  expect([sent, requests]).toEqual([[{ clientId: 'shop' }], []]);
  await logos.refresh('shop');
  const url = await urlOf(logos);
  expect(url).toMatch(/^\/client-logos\/[0-9a-f]{64}\.webp$/);
  const stored = (await logos.find(fileOf(url)))!;
  expect(await sharp(stored).metadata()).toMatchObject({ format: 'webp', width: 300, height: 100 });
  // Two nodes that were both asked: the second finds it fresh.
  await open().refresh('shop');
  expect(requests).toEqual(['/logo.png']);
});

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
/** Dimensions of 60,000 by 60,000 in a file of a few bytes. */
const hugeHeader = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  Buffer.from([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 6, 0, 0, 0, 0, 0, 0, 0]),
]);

const refused: [string, (res: ServerResponse) => unknown, RegExp][] = [
  ['a redirect to a private address', (res) => res.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(), /302/],
  ['a redirect to itself', (res) => res.writeHead(301, { location: `${base}/logo.png` }).end(), /301/],
  ['an SVG with a script', (res) => res.setHeader('content-type', 'image/svg+xml').end(svg), /no PNG/],
  ['an SVG as image/png', (res) => res.setHeader('content-type', 'image/png').end(svg), /no PNG/],
  ['HTML as image/png', (res) => res.setHeader('content-type', 'image/png').end('<!doctype html><script>'), /no PNG/],
  ['HTML behind the first bytes of a PNG', (res) => res.end('\x89PNG\r\n\x1a\n<script>alert(1)</script>'), /no PNG/],
  ['a GIF', (res) => res.end(Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1')), /no PNG/],
  ['a picture of 3.6 gigapixels', (res) => res.end(hugeHeader), /no PNG/],
  ['a picture of 25 megapixels', async (res) => res.end(await picture(5000)), /no PNG/],
  ['more bytes than allowed', (res) => res.end(Buffer.alloc(600_000, 1)), /too large/],
  [
    'few bytes that decompress to many',
    (res) => res.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(5_000_000))),
    /too large/,
  ],
  ['an empty answer', (res) => res.end(), /no PNG/],
  ['a missing file', (res) => res.writeHead(404).end(good), /404/],
  ['a connection that is cut', (res) => res.destroy(), /connect|answer/],
];

test.each(refused)('%s is not shown, and is tried again later', async (_what, evil, problem) => {
  answer = evil;
  const logos = open();
  await logos.refresh('shop');
  expect(await urlOf(logos)).toBeNull();
  expect(lines).toEqual([expect.objectContaining({ clientId: 'shop', problem: expect.stringMatching(problem) })]);
  expect(requests).toHaveLength(1);
  await logos.refresh('shop');
  expect(requests).toHaveLength(1);
  answer = (res) => res.end(good);
  later(5 * 60_000 + 1);
  await logos.refresh('shop');
  expect(await urlOf(logos)).not.toBeNull();
});

test('a body that comes too slowly ends at the limit of time', async () => {
  const timers: NodeJS.Timeout[] = [];
  answer = (res) => void timers.push(setInterval(() => res.write('x'), 20));
  const connection = outbound();
  const quick = {
    fetchOk: ((url, init, limits) =>
      connection.fetchOk(url, init, { ...limits, totalTimeout: 200 })) as typeof connection.fetchOk,
  };
  const logos = open({ ...connection, ...quick });
  await logos.refresh('shop');
  for (const timer of timers) clearInterval(timer);
  expect(lines).toEqual([expect.objectContaining({ problem: expect.stringMatching(/timeout/) })]);
});

test.each([
  'http://127.0.0.1:8081/x.png',
  'https://localhost/x.png',
  'https://169.254.169.254/x.png',
  'https://[::1]/x.png',
])('the guard of outgoing requests refuses %s', async (uri) => {
  clients.get('shop')!.metadata = { logo_uri: uri };
  await open(createOutbound({ allow: [], log: { warn: () => undefined } as never })).refresh('shop');
  expect(lines).toEqual([expect.objectContaining({ problem: expect.stringMatching(/refused address/) })]);
});

test.each([null, [], { logo_uri: 5, policy_uri: {}, tos_uri: [] }])(
  'stored metadata %j give no logo and no links',
  async (metadata) => {
    clients.set('shop', { name: 'Shop', registered: false, metadata: metadata as never });
    expect(await open().shown('shop')).toEqual({ name: 'Shop', logoUrl: null, privacyUrl: null, termsUrl: null });
  },
);

test('failures wait longer each time, a day at most', async () => {
  answer = (res) => res.writeHead(500).end();
  const logos = open();
  const waits: number[] = [];
  for (let i = 0; i < 12; i += 1) {
    await logos.refresh('shop');
    const [row] = await database.sql<{ due_at: Date }>('select due_at from client_logo');
    waits.push((row!.due_at.getTime() - now.getTime()) / 60_000);
    now = row!.due_at;
  }
  expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]);
});

test('a logo stays for a while when its server fails, or serves something else, and for no other address', async () => {
  const logos = open();
  await logos.refresh('shop');
  const url = await urlOf(logos);
  answer = (res) => res.end(svg);
  later(25 * HOUR);
  await logos.refresh('shop');
  expect(await urlOf(logos)).toBe(url);
  later(14 * 24 * HOUR);
  expect(await urlOf(logos)).toBeNull();
  now = new Date(now.getTime() - 14 * 24 * HOUR);
  clients.get('shop')!.metadata = { logo_uri: `${base}/other.png` };
  expect([await urlOf(logos), await logos.find(fileOf(url))]).toEqual([null, null]);
  await logos.refresh('shop');
  expect(await urlOf(logos)).toBeNull();
  clients.get('shop')!.metadata = { logo_uri: `${base}/logo.png` };
  expect(await urlOf(logos)).toBeNull();
});

test('a changed picture has another address; the old one is gone', async () => {
  const logos = open();
  await logos.refresh('shop');
  const before = await urlOf(logos);
  const other = await picture(200, 200, '#b1760f');
  answer = (res) => res.end(other);
  await logos.refresh('shop', { isForced: true });
  const after = await urlOf(logos);
  expect(after).not.toBe(before);
  expect(await logos.find(fileOf(before))).toBeNull();
  expect(await logos.find(fileOf(after))).not.toBeNull();
});

test('a removed logo_uri, a disabled client and a deleted client show nothing, and the row goes', async () => {
  const logos = open();
  await logos.refresh('shop');
  const url = await urlOf(logos);
  clients.get('shop')!.metadata = {};
  expect([await urlOf(logos), await logos.find(fileOf(url))]).toEqual([null, null]);
  await logos.refresh('shop');
  expect(await database.sql('select 1 from client_logo')).toEqual([]);
  clients.get('shop')!.metadata = { logo_uri: `${base}/logo.png` };
  await logos.refresh('shop');
  clients.clear();
  expect([await logos.shown('shop'), await logos.find(fileOf(url))]).toEqual([null, null]);
  expect([await logos.purge(100), await logos.purge(100)]).toEqual([1, 0]);
});

test('a logo that no page has asked for is removed after a while', async () => {
  const logos = open();
  await logos.refresh('shop');
  later(15 * 24 * HOUR);
  expect(await logos.purge(100)).toBe(0);
  later(1);
  expect([await logos.purge(100), await logos.purge(100)]).toEqual([1, 0]);
});

test('software that registered itself has no logo, unless the setting allows it: nothing is fetched either', async () => {
  clients.get('shop')!.registered = true;
  const logos = open();
  expect(await urlOf(logos)).toBeNull();
  await logos.refresh('shop');
  expect([sent, requests]).toEqual([[], []]);
  registeredLogos = true;
  await logos.refresh('shop');
  const url = await urlOf(logos);
  expect(url).not.toBeNull();
  registeredLogos = false;
  expect([await urlOf(logos), await logos.find(fileOf(url))]).toEqual([null, null]);
});

test.each([
  ['max-age=7200', 2],
  ['public, max-age="7200"', 2],
  ['max-age=1', 1],
  ['max-age=999999999', 168],
  ['no-store', 24],
])('%s: the logo is fetched again after %d hours', async (caching, hours) => {
  answer = (res) => res.setHeader('cache-control', caching).end(good);
  const logos = open();
  await logos.refresh('shop');
  later(hours * HOUR - 1);
  expect([await urlOf(logos), sent]).toEqual([expect.any(String), []]);
  later(1);
  expect([await urlOf(logos), sent]).toEqual([expect.any(String), [{ clientId: 'shop' }]]);
});

test.each(['', '..%2f..%2fetc', 'a.webp', `${'0'.repeat(64)}.png`, `${'0'.repeat(64)}.webp`, `${'g'.repeat(64)}.webp`])(
  'the name %j is no logo',
  async (name) => {
    expect(await open().find(name)).toBeNull();
  },
);

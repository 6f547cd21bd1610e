/**
 * The files of `public/`, ready-made in memory: read, named by their content, and compressed once at start.
 *
 * Only names that were there at start are answered. No path of a request ever reaches the file system, and a name that
 * does not exist is 404 whatever it looks like, so that no cache can be made to keep a page under the name of a picture.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip as gzipOf, gzipSync } from 'node:zlib';
import type { Context, Middleware } from './context.ts';
import { type Mount, READ } from './mounts.ts';

export type StaticFiles = {
  /** Address of a file by its name below `public/`. Throws on a name that does not exist. */
  url(name: string): string;
  /** Adds or replaces a file that is made while running, such as the stylesheet of the brand. */
  publish(name: string, content: Buffer | string): void;
  /** The same for a large file that few browsers ask for: it is made and compressed at the first request. Its address changes with `version`. */
  offer(name: string, offered: Offered): void;
  serve: Middleware;
};

type File = {
  type: string;
  url: string;
  etag: string;
  encodings: Readonly<Partial<Record<Encoding, Buffer>>> & { identity: Buffer };
};
type Offered = { readonly version: string; make(): string };
type Encoding = 'identity' | 'gzip' | 'br';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** For who opens a drawing by its address: it is a document then, and nothing in it may run or load. */
const policyOfDrawing = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/** Files that browsers and robots request at fixed addresses. */
const fixedAddresses: Readonly<Record<string, string>> = {
  '/favicon.ico': 'favicon.ico',
  '/apple-touch-icon.png': 'apple-touch-icon.png',
  '/robots.txt': 'robots.txt',
};

const prefix = '/assets/';
/** The address changes with the content, so a client that has it need never ask again. */
const forEver = 'public, max-age=31536000, immutable';
const forADay = 'public, max-age=86400';
/** An address of an older or a newer version, as two nodes show during an update: right today, not to be kept. */
const forNow = 'no-cache';

const publicFolder = new URL('../../../public/', import.meta.url);

/** The files of `public/` as they are answered, by name. They do not change while a process runs. */
let shipped: ReadonlyMap<string, File> | undefined;

/** The files of `public/`, hashed and compressed when the first caller asks. `url` throws for a missing file. */
export function loadStaticFiles(): StaticFiles {
  shipped ??= readyMade(publicFolder);
  const files = new Map(shipped);
  const offers = new Map<string, { url: string; file(): Promise<File> }>();
  return {
    url: (name) => offers.get(name)?.url ?? urlOf(files, name),
    publish: (name, content) => void files.set(name, fileOf(name, content)),
    offer: (name, offered) => void offers.set(name, offerOf(name, offered)),
    async serve(ctx, next) {
      const isOurs = ctx.path.startsWith(prefix);
      const name = isOurs ? nameOf(ctx.path) : fixedAddresses[ctx.path];
      if (!isOurs && name === undefined) return next();
      const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
      const file = isRead ? (files.get(name ?? '') ?? (await offers.get(name ?? '')?.file())) : undefined;
      if (!file) return refuse(ctx);
      send(ctx, file, isOurs ? (file.url === ctx.path ? forEver : forNow) : forADay);
      return undefined;
    },
  };
}

function readyMade(folder: URL): ReadonlyMap<string, File> {
  const files = new Map<string, File>();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => extname(name) !== '');
  // Stylesheets name fonts, so they come last: by then every font has its address.
  const [rest, stylesheets] = [
    names.filter((name) => !name.endsWith('.css')),
    names.filter((name) => name.endsWith('.css')),
  ];
  for (const name of rest) {
    const content = readFileSync(new URL(name, folder));
    files.set(name, fileOf(name, extname(name) === '.js' ? withoutComments(content.toString()) : content));
  }
  for (const name of stylesheets) {
    const css = squeezed(readFileSync(new URL(name, folder), 'utf8'));
    const addressed = css.replace(/url\(([^)"':]+)\)/g, (_, target: string) => `url(${urlOf(files, target)})`);
    files.set(name, fileOf(name, addressed));
  }
  return files;
}

function urlOf(files: ReadonlyMap<string, File>, name: string): string {
  const file = files.get(name);
  if (!file) throw new Error(`there is no public file "${name}"`);
  return file.url;
}

function fileOf(name: string, content: Buffer | string): File {
  const type = types[extname(name)];
  if (type === undefined) throw new Error(`no content type is known for the public file "${name}"`);
  const body = Buffer.from(extname(name) === '.css' ? withRelativeAddresses(name, content.toString()) : content);
  const etag = hashOf(body);
  return { type, url: addressOf(name, etag), etag, encodings: encode(type, body) };
}

function offerOf(name: string, { version, make }: Offered): { url: string; file(): Promise<File> } {
  const type = types[extname(name)] ?? '';
  const etag = hashOf(Buffer.from(version));
  const url = addressOf(name, etag);
  let made: Promise<File> | undefined;
  const compressed = async (): Promise<File> => {
    const identity = Buffer.from(make());
    const [br, gzip] = await Promise.all([
      promisify(brotliCompress)(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
      promisify(gzipOf)(identity, { level: 9 }),
    ]);
    return { type, url, etag, encodings: { identity, gzip, br } };
  };
  return { url, file: () => (made ??= compressed()) };
}

const hashOf = (content: Buffer): string => createHash('sha256').update(content).digest('base64url').slice(0, 12);

const addressOf = (name: string, hash: string): string =>
  `${prefix}${name.slice(0, -extname(name).length)}.${hash}${extname(name)}`;

/** A stylesheet names other files as they stand from it, so that it is the same below any path of an issuer. */
function withRelativeAddresses(name: string, css: string): string {
  return css.replaceAll(`url(${prefix}`, `url(${'../'.repeat(name.split('/').length - 1)}`);
}

/** A script without the lines that hold a comment alone, and without its indentation. */
function withoutComments(script: string): string {
  return script.replaceAll(/^\s*(?:\/\/.*|\/\*[\s\S]*?\*\/)\n/gm, '').replaceAll(/^\s+/gm, '');
}

/** Rules are written for readers; browsers need neither our comments nor the space around our punctuation. */
function squeezed(css: string): string {
  return css
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([{};]) ?/g, '$1')
    .replaceAll(/([:,]) /g, '$1')
    .replaceAll(';}', '}')
    .trim();
}

/** `/assets/fonts/x.0a1b2c3d4e5f.woff2` is `fonts/x.woff2`. */
function nameOf(path: string): string | undefined {
  const [, stem, extension] = /^\/assets\/([\w/-]+)\.[\w-]{12}(\.\w+)$/.exec(path) ?? [];
  return stem === undefined || extension === undefined ? undefined : `${stem}${extension}`;
}

function encode(type: string, identity: Buffer): File['encodings'] {
  if (!type.includes('charset') && type !== 'image/svg+xml') return { identity };
  const br = brotliCompressSync(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  return { identity, gzip: gzipSync(identity, { level: 9 }), br };
}

function send(ctx: Context, file: File, caching: string): void {
  const wanted = ctx.acceptsEncodings('br', 'gzip', 'identity');
  const encoding: Encoding = (wanted === 'br' || wanted === 'gzip') && file.encodings[wanted] ? wanted : 'identity';
  ctx.set('Cache-Control', caching);
  ctx.set('X-Content-Type-Options', 'nosniff');
  if (file.type === types['.svg']) ctx.set('Content-Security-Policy', policyOfDrawing);
  ctx.set('Vary', 'Accept-Encoding');
  ctx.set('ETag', `"${file.etag}${encoding === 'identity' ? '' : `-${encoding}`}"`);
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.type = file.type;
  if (encoding !== 'identity') ctx.set('Content-Encoding', encoding);
  ctx.body = file.encodings[encoding];
}

function refuse(ctx: Context): void {
  ctx.status = 404;
  ctx.set('Cache-Control', 'no-store');
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.type = 'text/plain; charset=utf-8';
  ctx.body = 'There is no such file.\n';
}

/** Where the public files are. */
export const staticMounts: readonly Mount[] = [
  { path: '/assets/*', audience: 'page', methods: READ },
  { path: '/favicon.ico', audience: 'page', methods: READ },
  { path: '/apple-touch-icon.png', audience: 'page', methods: READ },
  { path: '/robots.txt', audience: 'page', methods: READ },
];

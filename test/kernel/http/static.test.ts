import { readdirSync, readFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { State } from '#kernel/http/context.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';

const folder = new URL('../../../public/', import.meta.url);
const files = loadStaticFiles();
files.publish('brand.css', ':root { --brand: #0a3fb5; }\n');
const app = new Koa<State>().use(files.serve).use((ctx) => {
  ctx.body = 'another page';
});
const server = createServer(app.callback());
let base = '';
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const get = (path: string, init: RequestInit = {}) => fetch(base + path, init);

/** As the bytes go over the wire: no path is tidied, no header added, no body decompressed. */
function raw(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: Buffer }> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request({ hostname, port, path, headers }, (response) => {
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('a static file', () => {
  test.each([
    ['latchkey.css', 'text/css; charset=utf-8'],
    ['page.js', 'text/javascript; charset=utf-8'],
    ['icon.svg', 'image/svg+xml'],
    ['fonts/hyperlegible.woff2', 'font/woff2'],
    ['fonts/OFL-hyperlegible.txt', 'text/plain; charset=utf-8'],
    ['brand.css', 'text/css; charset=utf-8'],
  ])('has an immutable address, its type and no sniffing: %s', async (name, type) => {
    const response = await get(files.url(name));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
    await response.arrayBuffer();
  });

  test('changes its address with its content', () => {
    const changing = loadStaticFiles();
    changing.publish('brand.css', 'a {}');
    const before = changing.url('brand.css');
    changing.publish('brand.css', 'b {}');
    expect(changing.url('brand.css')).not.toBe(before);
  });

  test('is served at an older address too, as two versions side by side need, but not cached', async () => {
    const response = await get('/assets/icon.AAAAAAAAAAAA.svg');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toBe(readFileSync(new URL('icon.svg', folder), 'utf8'));
  });

  test.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ])('is sent compressed with %s if the browser accepts it', async (encoding, decompress) => {
    const { headers, body } = await raw(files.url('icon.svg'), { 'accept-encoding': encoding });
    expect(headers['content-encoding']).toBe(encoding);
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(decompress(body).toString()).toBe(readFileSync(new URL('icon.svg', folder), 'utf8'));
  });

  test('is not sent again to a client that has it, in the same encoding (RFC 9110 §13.1.2)', async () => {
    const first = await raw(files.url('page.js'), { 'accept-encoding': 'gzip' });
    const validator = { 'if-none-match': first.headers.etag ?? '' };
    const again = await raw(files.url('page.js'), { ...validator, 'accept-encoding': 'gzip' });
    expect(again.status).toBe(304);
    expect(again.body).toHaveLength(0);
    expect((await raw(files.url('page.js'), { ...validator, 'accept-encoding': 'br' })).status).toBe(200);
  });

  test('answers HEAD with the same headers and no body', async () => {
    const response = await get(files.url('page.js'), { method: 'HEAD' });
    expect(response.headers.get('content-length')).not.toBe('0');
    expect(await response.text()).toBe('');
  });

  test.each(['/favicon.ico', '/robots.txt', '/apple-touch-icon.png'])(
    'is found at well-known addresses, cached for a day: %s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=86400');
      await response.arrayBuffer();
    },
  );

  test('that a stylesheet names has its immutable address in it', async () => {
    const css = await (await get(files.url('latchkey.css'))).text();
    expect(css).toContain(`url(${files.url('fonts/hyperlegible.woff2').slice('/assets/'.length)})`);
    expect(css).not.toContain('url(/');
  });

  test('that is a module names no path: it gets every address from its page, which knows the path of the issuer', () => {
    const modules = readdirSync(folder).filter((name) => name.endsWith('.js'));
    expect(modules.length).toBeGreaterThan(0);
    for (const name of modules)
      expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(/["'`]\/[a-z]|\b(from|import)\s*\(?["'`]/);
  });

  test('in a folder names other files by the way from there', async () => {
    files.publish('brand/a/brand.css', `b { src: url(${files.url('fonts/inter.woff2')}) }`);
    const css = await (await get(files.url('brand/a/brand.css'))).text();
    expect(css).toContain(`url(../../${files.url('fonts/inter.woff2').slice('/assets/'.length)})`);
  });
});

describe('other files', () => {
  test.each([
    '/assets/',
    '/assets/page.js',
    '/assets/nothing.AAAAAAAAAAAA.css',
    '/assets/../package.AAAAAAAAAAAA.json',
    '/assets/..%2fpackage.AAAAAAAAAAAA.json',
    '/assets/%2e%2e/package.AAAAAAAAAAAA.json',
    '/assets/__proto__.AAAAAAAAAAAA.js',
    '/assets/fonts',
    '/assets/page.AAAAAAAAAAAA.js/x.css',
    '/assets/page.AAAAAAAAAAAA.js%00',
  ])('below the assets are 404 and not cached: %s', async (path) => {
    const { status, headers } = await raw(path);
    expect(status).toBe(404);
    expect(headers['cache-control']).toBe('no-store');
  });

  test('refuse a request with a body', async () => {
    expect((await get(files.url('page.js'), { method: 'POST', body: 'x' })).status).toBe(404);
  });

  test('outside of the assets are passed on to the pages', async () => {
    expect(await (await get('/account/x.css')).text()).toBe('another page');
  });

  test('throw when a page names them, so that no page has a broken link', () => {
    expect(() => files.url('nothing.css')).toThrow('no public file "nothing.css"');
    expect(() => files.publish('x.exe', '')).toThrow('no content type');
  });
});

describe('a script', () => {
  test.each(['page.js', 'passkey.js', 'suggest.js'])('is sent without comments and indentation: %s', async (name) => {
    const sent = await (await get(files.url(name))).text();
    const code = (text: string): string[] => text.split('\n').map((line) => line.trim());
    const written = code(readFileSync(new URL(name, folder), 'utf8')).filter(
      (line) => !/^(?:\/\/.*|\/\*\*.*\*\/|)$/.test(line),
    );
    expect(code(sent).filter((line) => line !== '')).toEqual(written);
    expect(sent).not.toMatch(/^(?:\s|\/[/*])/m);
  });
});

describe('a stylesheet', () => {
  const served = async (name: string) => (await get(files.url(name))).text();

  test('of the sign-in pages stays below 20 KB', async () => {
    expect((await served('latchkey.css')).length).toBeLessThan(20_000);
  });

  test('is sent without comments and white space', async () => {
    const [written, sent] = [readFileSync(new URL('latchkey.css', folder), 'utf8'), await served('latchkey.css')];
    expect(sent.length).toBeLessThan(written.length * 0.95);
    expect(sent).not.toContain('/*');
    for (const rule of [
      '@supports (color:light-dark(red,red)) and (color:color(from red xyz-d65 x y z)){',
      '.gate > :is(header,main,footer){',
      '--w:clamp(0,(.179 - y) * 9999,1);',
    ])
      expect(sent).toContain(rule);
  });
});

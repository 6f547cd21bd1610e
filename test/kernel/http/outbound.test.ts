import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createOutbound, OutboundError, type Outbound } from '#kernel/http/outbound.ts';
import { selfSigned } from './self-signed.ts';
import { KEY_SET_LIMITS } from '#kernel/http/limits.ts';

type Line = { fields: Record<string, unknown>; text: string };
const lines: Line[] = [];
const log = {
  warn: (fields: unknown, text?: string) => void lines.push({ fields: fields as Line['fields'], text: text ?? '' }),
};

afterEach(() => void lines.splice(0));

function client(options: Partial<Parameters<typeof createOutbound>[0]> = {}): Outbound {
  const outbound = createOutbound({ allow: ['127.0.0.1'], log, ...options });
  onTestFinished(() => outbound.close());
  return outbound;
}

async function listen(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

const serve = (handler: RequestListener, host?: string, port?: number) => listen(createHttpServer(handler), host, port);
const speak = (onSocket: (socket: Socket) => void) =>
  listen(createTcpServer((socket) => onSocket(socket.on('error', () => undefined))));

async function failure(work: Promise<unknown>): Promise<OutboundError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OutboundError);
  return error as OutboundError;
}

describe('internal targets are refused before a socket opens', () => {
  const urls = [
    'http://127.0.0.1:PORT/',
    'https://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'https://localhost./',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://0.0.0.0:PORT/',
    'http://0:PORT/',
    'http://127.1:PORT/',
    'http://127.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f000001:PORT/',
    'http://0x7f.1:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://017700000001:PORT/',
    'http://127。0。0。1:PORT/',
    'http://①②⑦.0.0.1:PORT/',
    'http://%31%32%37.0.0.1:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[::127.0.0.1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://[2002:7f00:1::]:PORT/',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00:ec2::254]/latest/meta-data',
    'https://168.63.129.16/metadata',
    'https://100.100.100.200/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.0.1/',
    'https://100.64.0.1/',
    'https://192.0.0.192/',
    'https://198.18.0.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://240.0.0.1/',
    'https://[fe80::1]/',
    'https://[fc00::1]/',
    'https://[ff02::1]/',
    'https://inside.test/',
    'https://inside6.test/',
    'https://several-inside.test/',
    'https://id.example.com/',
    'https://ID.example.com:8443/',
    // The path of this instance, on a host that others share.
    'https://shared.test/id',
    'https://id.example.com./',
    'https://shared.test./id/x',
    'https://shared.test//id/x',
    'https://shared.test/%69d/x',
    'https://shared.test/x/%2e%2e%2fid/y',
    'https://shared.test/%23/%2e%2e%2fid/y',
    'https://shared.test/id/oidc/jwks',
    'https://shared.test/app/../id/',
    // Outside, yet not by https on a port where https is served.
    'http://outside.test/',
    'http://outside.test:443/',
    'https://outside.test:6379/',
    'https://outside.test:5432/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/',
    'data:text/plain,inside',
    'ftp://outside.test/',
    'blob:https://outside.test/1',
    'https://user:pass@outside.test/',
    'https://127.0.0.1:PORT\\@outside.test/',
    '//127.0.0.1:PORT/',
    'not a url',
    '',
  ];
  const names: Record<string, string[]> = {
    localhost: ['127.0.0.1', '::1'],
    'localhost.': ['127.0.0.1'],
    'inside.test': ['127.0.0.1'],
    'inside6.test': ['::ffff:127.0.0.1'],
    'several-inside.test': ['10.0.0.1', '::1', '169.254.169.254'],
    'outside.test': ['203.0.114.7'],
    'id.example.com': ['203.0.114.8'],
    'id.example.com.': ['203.0.114.8'],
    'shared.test': ['203.0.114.9'],
    'shared.test.': ['203.0.114.9'],
  };

  test.each(urls)('%s', async (url) => {
    let hits = 0;
    const port = await listen(createTcpServer((socket) => void (hits++, socket.destroy())));
    const outbound = client({
      allow: [],
      own: ['https://id.example.com', 'https://shared.test/id'],
      resolve: async (host) => names[host] ?? [],
    });

    const error = await failure(outbound.fetch(url.replace('PORT', String(port))));

    expect(error.kind).toBe('refused_address');
    expect(error.shown).toBe('could not connect');
    expect(hits).toBe(0);
  });

  test('an unresolvable name gives the same error as a name that resolves to an internal address', async () => {
    const outbound = client({
      allow: [],
      resolve: async (host) =>
        host === 'inside.test'
          ? ['10.0.0.1']
          : Promise.reject(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' })),
    });
    const inside = await failure(outbound.fetch('https://inside.test/'));
    const nowhere = await failure(outbound.fetch('https://nowhere.test/'));
    expect(nowhere.kind).toBe('could_not_connect');
    expect(nowhere.shown).toBe(inside.shown);
  });

  test('the refusal is logged without path and query', async () => {
    await failure(client({ allow: [] }).logged({})('https://10.0.0.1/callback?token=canary'));
    expect(lines).toMatchObject([{ fields: { err: { origin: 'https://10.0.0.1', kind: 'refused_address' } } }]);
    expect(String(lines[0]?.fields['err'])).not.toContain('canary');
  });
});

test('a failure whose caller gets the reason is not logged separately', async () => {
  const error = await failure(client({ allow: [] }).limited({})('https://10.0.0.1/callback?token=canary'));
  expect([error.origin, lines]).toEqual(['https://10.0.0.1', []]);
});

describe('targets that the operator allows', () => {
  test('a host by name, over http and on any port', async () => {
    const port = await serve((_, response) => response.end('inside'));
    const outbound = client({ allow: ['idp.internal'], resolve: async () => ['127.0.0.1'] });
    expect(await (await outbound.fetch(`http://idp.internal:${port}/`)).text()).toBe('inside');
    expect((await failure(outbound.fetch(`http://other.internal:${port}/`))).kind).toBe('refused_address');
  });

  test('a block, for any name in it, and nothing beside it', async () => {
    const port = await serve((_, response) => response.end('inside'));
    const addresses: Record<string, string> = { 'a.test': '127.0.0.1', 'b.test': '127.0.0.2' };
    const outbound = client({ allow: ['127.0.0.1/32'], resolve: async (host) => [addresses[host] ?? ''] });
    expect((await outbound.fetch(`http://a.test:${port}/`)).status).toBe(200);
    expect((await failure(outbound.fetch(`http://b.test:${port}/`))).kind).toBe('refused_address');
  });

  test('a block also allows this instance itself, by any of its names', async () => {
    const port = await serve((_, response) => response.end('own'));
    const outbound = client({ allow: ['127.0.0.0/8'], own: ['http://localhost'], resolve: async () => ['127.0.0.1'] });
    expect((await outbound.fetch(`http://localhost:${port}/`)).status).toBe(200);
  });

  test('of several addresses only an allowed one is used', async () => {
    const port = await serve((_, response) => response.end('inside'));
    const outbound = client({ resolve: async () => ['10.0.0.1', '127.0.0.1'] });
    expect((await outbound.fetch(`http://mixed.test:${port}/`)).status).toBe(200);
  });
});

describe('the checked address is the connected address', () => {
  test('a name that resolves to another address later (DNS rebinding) never reaches the other host', async () => {
    const reached: string[] = [];
    const close =
      (name: string): RequestListener =>
      (_, response) =>
        void (reached.push(name), response.setHeader('connection', 'close').end(name));
    const port = await serve(close('judged'), '127.0.0.1');
    await serve(close('inner'), '127.0.0.2', port);
    let lookups = 0;
    const outbound = client({
      allow: ['127.0.0.1'],
      resolve: async () => [lookups++ === 0 ? '127.0.0.1' : '127.0.0.2'],
    });

    expect(await (await outbound.fetch(`http://rebind.test:${port}/`)).text()).toBe('judged');
    expect(lookups).toBe(1);
    expect((await failure(outbound.fetch(`http://rebind.test:${port}/`))).kind).toBe('refused_address');
    expect(reached).toEqual(['judged']);
  });

  test.each([301, 302, 303, 307, 308])('a redirect %i is a response and is not followed', async (status) => {
    let inner = 0;
    const innerPort = await serve((_, response) => void (inner++, response.end()), '127.0.0.2');
    const port = await serve((_, response) =>
      response.writeHead(status, { location: `http://127.0.0.2:${innerPort}/` }).end(),
    );
    const response = await client().fetch(`http://127.0.0.1:${port}/`, { redirect: 'follow' });
    expect(response.status).toBe(status);
    expect(inner).toBe(0);
  });

  test('the caller’s dispatcher does not bypass the guard', async () => {
    const outbound = client({ allow: [] });
    const init = { dispatcher: { dispatch: () => expect.unreachable() } } as unknown as RequestInit;
    expect((await failure(outbound.fetch('http://127.0.0.1/', init))).kind).toBe('refused_address');
  });

  test('proxies of the environment are not used', async () => {
    let proxied = 0;
    const proxy = await serve((_, response) => void (proxied++, response.end('proxy')));
    const before = { ...process.env };
    onTestFinished(() => void (process.env = before));
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
      process.env[name] = `http://127.0.0.1:${proxy}`;
    process.env['NODE_USE_ENV_PROXY'] = '1';
    const port = await serve((_, response) => response.end('direct'));
    expect(await (await client().fetch(`http://127.0.0.1:${port}/`)).text()).toBe('direct');
    expect(proxied).toBe(0);
  });
});

describe('https', () => {
  const tlsServer = () => listen(createHttpsServer(selfSigned, (_, response) => response.end('over TLS')));

  test('an untrusted certificate ends the connection', async () => {
    const port = await tlsServer();
    const error = await failure(client({ allow: ['localhost'] }).fetch(`https://localhost:${port}/`));
    expect(error.kind).toBe('could_not_connect');
  });

  test('the certificate is checked against the name of the URL although the address is pinned', async () => {
    const port = await tlsServer();
    const roots = tls.getCACertificates('default');
    onTestFinished(() => tls.setDefaultCACertificates(roots));
    tls.setDefaultCACertificates([...roots, selfSigned.cert]);
    const outbound = client({ allow: ['localhost', 'other.test', '127.0.0.1'], resolve: async () => ['127.0.0.1'] });
    expect(await (await outbound.fetch(`https://localhost:${port}/`)).text()).toBe('over TLS');
    expect(await (await outbound.fetch(`https://127.0.0.1:${port}/`)).text()).toBe('over TLS');
    expect((await failure(outbound.fetch(`https://other.test:${port}/`))).kind).toBe('could_not_connect');
  });
});

describe('limits', () => {
  const lasts = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };

  test('a TLS server without a handshake is given up within the connect limit of 3 s', async () => {
    const port = await speak(() => undefined);
    const outbound = client();
    const time = await lasts(async () =>
      expect((await failure(outbound.fetch(`https://127.0.0.1:${port}/`))).kind).toBe('timeout'),
    );
    expect(time).toBeGreaterThan(2000);
    expect(time).toBeLessThan(4500);
  });

  test('a silent name server is given up within the connect limit of 3 s', async () => {
    const outbound = client({ resolve: () => new Promise(() => undefined) });
    const time = await lasts(async () =>
      expect((await failure(outbound.fetch('https://slow.test/'))).kind).toBe('timeout'),
    );
    expect(time).toBeLessThan(4500);
  });

  const drips: Record<string, (socket: Socket) => void> = {
    silence: () => undefined,
    'endless header fields': (socket) =>
      void (socket.write('HTTP/1.1 200 OK\r\n'), drip(socket, () => `X-${Math.random()}: 1\r\n`)),
    'an endless body': (socket) => void (socket.write('HTTP/1.1 200 OK\r\n\r\n'), drip(socket, () => '.')),
    'endless interim answers': (socket) => drip(socket, () => 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  };
  const drip = (socket: Socket, bytes: () => string): void => {
    const timer = setInterval(() => socket.write(bytes()), 20);
    socket.on('close', () => clearInterval(timer));
  };

  test.each(Object.entries(drips))('%s ends at the total limit', async (_name, onSocket) => {
    const port = await speak(onSocket);
    const fetch = client().limited({ totalTimeout: 400 });
    const time = await lasts(async () =>
      expect((await failure(fetch(`http://127.0.0.1:${port}/`))).kind).toBe('timeout'),
    );
    expect(time).toBeLessThan(1500);
  });

  test('too many header fields end the request at once', async () => {
    const port = await speak((socket) => void socket.write(`HTTP/1.1 200 OK\r\n${'X: 1234567890\r\n'.repeat(5000)}`));
    const time = await lasts(async () =>
      expect((await failure(client().fetch(`http://127.0.0.1:${port}/`))).kind).toBe('bad_answer'),
    );
    expect(time).toBeLessThan(1500);
  });

  test('the caller’s signal ends the request too', async () => {
    const port = await speak(() => undefined);
    const error = await failure(client().fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(100) }));
    expect(error.kind).toBe('timeout');
  });

  const mebibyte = Buffer.alloc(1024 * 1024, 'a');
  const encoded =
    (encoding: string, body: Buffer): RequestListener =>
    (_, response) =>
      void response.writeHead(200, encoding ? { 'content-encoding': encoding } : {}).end(body);

  test.each([
    ['plain', encoded('', Buffer.concat([mebibyte, Buffer.from('a')]))],
    ['gzip bomb', encoded('gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024)))],
    ['brotli bomb', encoded('br', brotliCompressSync(Buffer.alloc(20 * 1024 * 1024)))],
    ['nested gzip', encoded('gzip, gzip', gzipSync(gzipSync(Buffer.alloc(20 * 1024 * 1024))))],
  ])('a body of more than 1 MiB is refused: %s', async (_name, handler) => {
    const port = await serve(handler);
    const before = process.memoryUsage.rss();
    expect((await failure(client().fetch(`http://127.0.0.1:${port}/`))).kind).toBe('too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
  });

  test.each([
    ['plain', encoded('', mebibyte)],
    ['gzip', encoded('gzip', gzipSync(mebibyte))],
  ])('a body of exactly 1 MiB is read, decompressed: %s', async (_name, handler) => {
    const port = await serve(handler);
    const response = await client().fetch(`http://127.0.0.1:${port}/`);
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(Buffer.from(await response.arrayBuffer()).equals(mebibyte)).toBe(true);
  });

  test('a key set may have 64 KiB', async () => {
    const port = await serve((request, response) =>
      response.end('a'.repeat(request.url === '/large' ? 65_537 : 65_536)),
    );
    const fetch = client().limited(KEY_SET_LIMITS);
    expect((await (await fetch(`http://127.0.0.1:${port}/`)).text()).length).toBe(65_536);
    expect((await failure(fetch(`http://127.0.0.1:${port}/large`))).kind).toBe('too_large');
  });
});

describe('requests and responses', () => {
  async function received(request: IncomingMessage): Promise<Record<string, unknown>> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    return { method: request.method, headers: request.headers, body };
  }
  const echo: RequestListener = (request, response) =>
    void received(request).then((seen) => response.setHeader('set-cookie', 'a=1').end(JSON.stringify(seen)));

  test('method, fields and body arrive, with one fixed User-Agent and without cookies', async () => {
    const port = await serve(echo);
    const outbound = client();
    const post = () =>
      outbound.fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: new Headers({
          'user-agent': 'spoofed',
          cookie: 'a=1',
          authorization: 'Bearer x',
          'content-type': 'application/x-www-form-urlencoded',
        }),
        body: new URLSearchParams({ logout_token: 'a b' }),
      });
    await post();
    const response = await post();
    expect(response).toBeInstanceOf(Response);
    expect(response.headers.get('set-cookie')).toBeNull();
    const seen = (await response.json()) as { headers: Record<string, string> };
    expect(seen).toMatchObject({
      method: 'POST',
      body: 'logout_token=a+b',
      headers: { 'user-agent': 'Latchkey', authorization: 'Bearer x' },
    });
    expect(seen.headers).not.toHaveProperty('cookie');
  });

  test.each([204, 304])('a response %i has no body', async (status) => {
    const port = await serve((_, response) => response.writeHead(status).end());
    const response = await client().fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.text()]).toEqual([status, '']);
  });

  test.each([400, 404, 500, 302])('fetchOk throws an error for status %i and drops the body', async (status) => {
    const port = await serve((_, response) => response.writeHead(status).end('canary'));
    const error = await failure(client().fetchOk(`http://127.0.0.1:${port}/`));
    expect([error.kind, error.status, error.shown]).toEqual(['bad_status', status, 'bad status']);
    expect(error.message).not.toContain('canary');
  });

  test('fetchOk returns a successful response', async () => {
    const port = await serve((_, response) => response.writeHead(201).end('made'));
    expect(await (await client().fetchOk(`http://127.0.0.1:${port}/`)).text()).toBe('made');
  });

  test('a closed port gives a connection error', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(client().fetch(`http://127.0.0.1:${port}/`));
    expect([error.kind, error.shown]).toEqual(['could_not_connect', 'could not connect']);
  });

  test.each([
    ['a banner of another protocol', 'SSH-2.0-canary\r\n', 'bad_answer'],
    ['a connection that closes without a word', '', 'could_not_connect'],
  ])('%s is a class of error without content', async (_name, banner, kind) => {
    const port = await speak((socket) => void socket.once('data', () => socket.end(banner)));
    const error = await failure(client().fetch(`http://127.0.0.1:${port}/`));
    expect(error.kind).toBe(kind);
    expect(error.message + error.shown).not.toContain('canary');
  });
});

import { request as httpRequest, Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '#kernel/config.ts';
import { limits, openListener, type Listener } from '#kernel/http/listener.ts';
import { headerOf, raw, statusOf } from '../../support/edge.ts';

let listener: Listener;
let served: string[];
/** Answers `/slow` when told to. */
let finish: () => void;

beforeEach(async () => {
  served = [];
  const slow = new Promise<void>((resolve) => (finish = resolve));
  listener = await openListener({ port: 0, host: '127.0.0.1', tls: undefined }, async (req, res) => {
    served.push(String(req.url));
    if (req.url === '/slow') await slow;
    req
      .resume()
      .on('end', () => res.end('served'))
      .on('error', () => undefined);
  });
});
afterEach(() => listener.close(0));

describe('limits (RFC 9112 leaves them to the server)', () => {
  test('are set on the server itself', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = listener.server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout }).toEqual({
      headersTimeout: 13_500,
      requestTimeout: 28_500,
      keepAliveTimeout: 64_000,
    });
    expect(limits).toMatchObject({
      insecureHTTPParser: false,
      maxHeaderSize: 16_384,
      connectionsCheckingInterval: 500,
    });
  });

  test.each([
    ['one header of 17,000 bytes', `X: ${'x'.repeat(17_000)}`],
    [
      '300 headers of 60 bytes',
      Array.from({ length: 300 }, (_, i) => `X-${String(i).padStart(4, '0')}: ${'x'.repeat(50)}`).join('\r\n'),
    ],
  ])('%s are too large (431), and the next connection works', async (_title, header) => {
    const answer = await raw(listener.port, `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
    expect([statusOf(answer), headerOf(answer, 'Connection')]).toEqual([431, 'close']);
    expect(statusOf(await raw(listener.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toBe(200);
  });

  test('no header is dropped because of their number', async () => {
    let names: string[] = [];
    listener.server.removeAllListeners('request').on('request', (req, res) => {
      names = Object.keys(req.headers);
      res.end();
    });
    const many = Array.from({ length: 2500 }, (_, i) => `${i.toString(36)}:`);
    await raw(listener.port, `GET / HTTP/1.1\r\nHost: x\r\n${many.join('\r\n')}\r\nlast: 1\r\n\r\n`, 300);
    expect(names).toContain('last');
    expect(names).toHaveLength(2502);
  });

  test('a connection ends after its thousandth request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const connectionOf = () =>
      new Promise<string | undefined>((resolve, reject) => {
        httpRequest({ port: listener.port, agent }, (res) =>
          res.resume().on('end', () => resolve(res.headers.connection)),
        )
          .on('error', reject)
          .end();
      });
    const said: (string | undefined)[] = [];
    for (let i = 0; i < 1000; i += 1) said.push(await connectionOf());
    expect(said.indexOf('close')).toBe(999);
    agent.destroy();
  });

  test('and is closed then, also for a client that continues to send', async () => {
    const answer = await raw(listener.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1200), 5000);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1000);
    expect(answer).not.toContain('503');
  });
});

const glued = 'GET /glued HTTP/1.1\r\nHost: x\r\n\r\n';

describe('ambiguous framing is 400, and smuggled requests get no response', () => {
  test.each([
    [
      'Content-Length and Transfer-Encoding',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'the same in the other order',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
    ],
    ['two Content-Lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd'],
    ['two Content-Lengths in one', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nabcd'],
    ['a signed Content-Length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde'],
    ['a hexadecimal Content-Length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\nabcd'],
    [
      'a Content-Length beyond any number',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n',
    ],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a folded Transfer-Encoding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
    ['bare line feeds', 'POST / HTTP/1.1\nHost: x\nContent-Length: 0\n\n'],
    ['a bare line feed after one header', 'POST / HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n'],
    ['a bare carriage return', 'POST / HTTP/1.1\r\nHost: x\rX: y\r\nContent-Length: 0\r\n\r\n'],
    ['an unknown Transfer-Encoding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunked, but not last', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['a chunk size that is no number', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['a negative chunk', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n'],
    [
      'a bare line feed after a chunk',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n',
    ],
    ['NUL in a header', 'POST / HTTP/1.1\r\nHost: x\r\nX: \0\r\nContent-Length: 0\r\n\r\n'],
    ['a header without a name', 'POST / HTTP/1.1\r\nHost: x\r\n: y\r\nContent-Length: 0\r\n\r\n'],
    ['an unknown version', 'POST / HTTP/9.9\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
    ['a Transfer-Encoding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a packed Transfer-Encoding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['no HTTP at all', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1'],
  ])('%s', async (_title, bytes) => {
    const answer = await raw(listener.port, bytes + glued);
    expect(statusOf(answer)).toBe(400);
    expect(headerOf(answer, 'Connection')).toBe('close');
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(served).not.toContain('/glued');
  });

  test('bytes that are not HTTP get a response with the usual headers', async () => {
    const answer = await raw(listener.port, 'nonsense\r\n\r\n');
    expect(headerOf(answer, 'Content-Type')).toBe('text/plain; charset=utf-8');
    expect(headerOf(answer, 'X-Content-Type-Options')).toBe('nosniff');
    expect(headerOf(answer, 'Content-Security-Policy')).toContain("default-src 'none'");
    expect(headerOf(answer, 'Server')).toBeUndefined();
  });
});

function opened(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(listener.port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => undefined);
  });
}

const get = (path: string): Promise<string> => raw(listener.port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, 5000);

describe('the stop', () => {
  test('waits for the response in progress, which then closes its connection', async () => {
    const answer = get('/slow');
    await vi.waitFor(() => expect(served).toEqual(['/slow']), { timeout: 60_000 });
    listener.drain();
    const closed = listener.close(5000);
    finish();
    expect(headerOf(await answer, 'Connection')).toBe('close');
    expect(await answer).toContain('served');
    await closed;
  });

  test('closes keep-alive connections', async () => {
    listener.drain();
    expect(headerOf(await get('/'), 'Connection')).toBe('close');
  });

  test('does not wait for idle connections', async () => {
    const socket = await opened();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    const gone = new Promise((resolve) => socket.once('close', resolve));
    await listener.close(10 * 60_000);
    await gone;
  });

  test('cuts requests that take too long', async () => {
    const answer = get('/slow');
    await vi.waitFor(() => expect(served).toEqual(['/slow']), { timeout: 60_000 });
    await listener.close(200);
    expect(await answer).toBe('');
  });

  test('accepts no further connections', async () => {
    const { port } = listener;
    await listener.close(0);
    expect(await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
  });
});

test.each([['TLS_CERT', { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem', clientCaFile: undefined }]])(
  'a certificate that cannot be read stops the start and names %s',
  async (variable, tls) => {
    const start = openListener({ port: 0, host: '127.0.0.1', tls }, () => undefined);
    await expect(start).rejects.toThrow(ConfigError);
    await expect(start).rejects.toThrow(variable);
  },
);

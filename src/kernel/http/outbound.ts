/**
 * The one client for outgoing HTTP: webhooks, key sets and metadata of clients and upstreams, logout notices, token
 * requests. Its guard stands where the socket is made: the host is resolved once, the address is judged, and the
 * connection goes to that very address, so that an answer which changes in between (DNS rebinding) changes nothing.
 */
import { lookup as lookupHost } from 'node:dns/promises';
import { isIP } from 'node:net';
import { callbackify } from 'node:util';
import type { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import { bareHost, canonicalAddress, createAllowList, isPublicAddress, ownAddresses } from './address.ts';
import type { Log } from '../log.ts';
import { LARGEST_OUTBOUND_ANSWER, OUTBOUND_CONNECT_TIMEOUT, OUTBOUND_TOTAL_TIMEOUT } from './limits.ts';

type OutboundErrorKind =
  | 'refused_address'
  | 'could_not_connect'
  | 'timeout'
  | 'too_large'
  | 'bad_answer'
  | 'bad_status';

const shown: Record<OutboundErrorKind, string> = {
  // One sentence for both: a client that may name a URL must not learn which internal hosts exist.
  refused_address: 'could not connect',
  could_not_connect: 'could not connect',
  timeout: 'timeout',
  too_large: 'answer too large',
  bad_answer: 'no valid HTTP answer',
  bad_status: 'bad status',
};

/** A request without a usable response. `kind` and `cause` are for the log, `shown` is for the owner of the URL. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly kind: OutboundErrorKind;
  /** The status of a `bad_status`. */
  readonly status: number | undefined;

  /** Where the request went. */
  origin: string | undefined;

  constructor(kind: OutboundErrorKind, detail: string, { cause, status }: { cause?: unknown; status?: number } = {}) {
    super(`${kind.replaceAll('_', ' ')}: ${detail}`, { cause });
    this.kind = kind;
    this.status = status;
  }

  /** Safe to show to the tenant that named the URL: a class, no detail. */
  get shown(): string {
    return shown[this.kind];
  }
}

type OutboundLimits = {
  /** From the call to the last byte of the body, in milliseconds. */
  totalTimeout?: number;
  /** Bytes of the body after decompression. */
  maxBytes?: number;
};

export type Outbound = {
  /**
   * As the global `fetch`, with the whole body read before it resolves. A redirect is an answer like any other and is
   * not followed; `dispatcher`, `redirect`, `cookie` and `user-agent` of the caller are overruled.
   *
   * @throws OutboundError
   */
  fetch: typeof globalThis.fetch;
  /** The same client with other limits. */
  limited(limits: OutboundLimits): Outbound['fetch'];
  /** As `limited`, and a failure is a line of the log: for libraries that keep the reason to themselves. */
  logged(limits: OutboundLimits): Outbound['fetch'];
  /** As `fetch`, but any status outside 200 to 299 is an OutboundError of kind `bad_status`. */
  fetchOk(url: string | URL, init?: RequestInit, limits?: OutboundLimits): Promise<Response>;
  close(): Promise<void>;
};

type Options = {
  /** Host names, addresses and CIDRs that may be reached although they are private, by http and on any port. */
  allow: readonly string[];
  log: Pick<Log, 'warn'>;
  /**
   * The URLs of this instance: nothing below them is asked, wherever their hosts lead. A host is its own altogether unless the URL has
   * a path; then other applications share the host, relying parties among them.
   */
  own?: readonly string[];
  /** All addresses of a host, best first. */
  resolve?: (host: string) => Promise<readonly string[]>;
};

const USER_AGENT = 'Latchkey';
/** Where https is served by convention; other ports are the business of databases and admin tools. */
const HTTPS_PORTS: ReadonlySet<string> = new Set(['', '443', '8443']);

/**
 * Creates the only fetch for outgoing requests. It refuses private addresses outside `allow`, checks the address of
 * the connection, follows no redirect, and limits time and size.
 */
export function createOutbound({ allow, log, own: ownUrls = [], resolve = resolveHost }: Options): Outbound {
  const allowed = createAllowList(allow);
  const parsed = ownUrls.map((url) => new URL(url));
  const own = new Set(parsed.filter(({ pathname }) => pathname === '/').map(nameOf));
  const belowOwn = parsed.filter(({ pathname }) => pathname !== '/');
  const choose = callbackify(chooseAddress);

  /** Many instances send no outgoing requests, so the client is loaded at the first one. */
  async function open(): Promise<{ fetch: typeof undiciFetch; agent: Agent }> {
    const undici = await import('undici');
    const dial = undici.buildConnector({ timeout: OUTBOUND_CONNECT_TIMEOUT, allowH2: false, keepAlive: true });
    const connect = (options: buildConnector.Options, callback: buildConnector.Callback): void => {
      choose(options, (error, address) => {
        if (error) return callback(error, null);
        const host = bareHost(options.hostname);
        return dial({ ...options, hostname: address, servername: isIP(host) ? '' : host }, callback);
      });
    };
    const agent = new undici.Agent({
      connect,
      connections: 32,
      maxHeaderSize: 16 * 1024,
      headersTimeout: OUTBOUND_TOTAL_TIMEOUT,
      bodyTimeout: OUTBOUND_TOTAL_TIMEOUT,
    });
    return { fetch: undici.fetch, agent };
  }
  let opened: ReturnType<typeof open> | undefined;

  /** Resolves and judges. The only place that decides where a socket may go. */
  async function chooseAddress({
    hostname,
    protocol,
    port,
  }: Pick<URL, 'hostname' | 'protocol' | 'port'>): Promise<string> {
    const host = bareHost(hostname);
    const named = allowed.hasHost(host);
    const mine = ownAddresses();
    const addresses = isIP(host) ? [host] : await withinConnectTimeout(resolve(host), host);
    const open = protocol === 'https:' && HTTPS_PORTS.has(port) && !own.has(nameOf({ hostname }));
    const address = addresses.find((address) => {
      if (named || allowed.hasAddress(address)) return true;
      return open && isPublicAddress(address) && !mine.has(canonicalAddress(address));
    });
    if (address !== undefined) return address;
    throw new OutboundError(
      'refused_address',
      `${protocol}//${host}:${port || 'default'} (${addresses.join(', ')}) is private, this instance or not https. OUTBOUND_ALLOW lets hosts and CIDRs through`,
    );
  }

  async function send(
    input: string | URL | Request,
    init: RequestInit | undefined,
    limits: OutboundLimits,
  ): Promise<Response> {
    if (input instanceof Request) throw new TypeError('pass the URL and the init, not a Request');
    const url = readUrl(input);
    if (!allowed.hasHost(bareHost(url.hostname)) && belowOwn.some((each) => isBelow(url, each)))
      throw new OutboundError('refused_address', `${url.origin} with the path of this instance`);
    const timeout = AbortSignal.timeout(limits.totalTimeout ?? OUTBOUND_TOTAL_TIMEOUT);
    const signal = init?.signal ? AbortSignal.any([timeout, init.signal]) : timeout;
    const headers = new Headers(init?.headers);
    headers.delete('cookie');
    headers.set('user-agent', USER_AGENT);
    try {
      const { fetch, agent } = await (opened ??= open());
      const answer = await fetch(url, {
        method: init?.method ?? 'GET',
        headers: [...headers],
        body: (init?.body ?? null) as string | URLSearchParams | Uint8Array | null,
        redirect: 'manual',
        signal,
        dispatcher: agent,
      });
      const body = await readBody(answer.body, limits.maxBytes ?? LARGEST_OUTBOUND_ANSWER);
      return toResponse(answer, body);
    } catch (error) {
      throw Object.assign(toOutboundError(error, signal), { origin: url.origin });
    }
  }

  const limited =
    (limits: OutboundLimits): Outbound['fetch'] =>
    (input, init) =>
      send(input, init, limits);
  return {
    fetch: limited({}),
    limited,
    logged: (limits) => async (input, init) => {
      try {
        return await limited(limits)(input, init);
      } catch (err) {
        log.warn({ err }, 'an outgoing request failed');
        throw err;
      }
    },
    fetchOk: async (url, init, limits = {}) => {
      const response = await send(url, init, limits);
      if (!response.ok) throw new OutboundError('bad_status', String(response.status), { status: response.status });
      return response;
    },
    close: async () => (await opened)?.agent.destroy(),
  };
}

async function resolveHost(host: string): Promise<string[]> {
  const found = await lookupHost(host, { all: true, order: 'ipv4first' });
  return found.map(({ address }) => address);
}

async function withinConnectTimeout<T>(work: Promise<T>, host: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutboundError('timeout', `resolving ${host}`)), OUTBOUND_CONNECT_TIMEOUT);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

function readUrl(input: string | URL): URL {
  if (!URL.canParse(String(input))) throw new OutboundError('refused_address', 'not a URL');
  const url = new URL(input);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new OutboundError('refused_address', `scheme ${url.protocol}`);
  if (url.username || url.password) throw new OutboundError('refused_address', 'credentials in a URL');
  return url;
}

/** Without the dot of the root at its end: both name one host, and a proxy in front may drop it. */
const nameOf = ({ hostname }: Pick<URL, 'hostname'>): string => bareHost(hostname).replace(/\.$/, '');

const isBelow = (url: URL, own: URL): boolean =>
  nameOf(url) === nameOf(own) && `${plainPath(url)}/`.startsWith(`${own.pathname}/`);

/** As a proxy in front may read it: escapes decoded, slashes merged, dot segments resolved. */
function plainPath({ pathname }: URL): string {
  const decoded = pathname.replaceAll(/%[\da-f]{2}/gi, (escape) =>
    String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
  );
  return new URL(decoded.replaceAll(/[/\\]+/g, '/').replaceAll(/[?#]/g, '-'), 'http://localhost').pathname;
}

/** Counts what comes out of decompression, so that a small body cannot grow into a large one (a "zip bomb"). */
async function readBody(body: AsyncIterable<Uint8Array> | null, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new OutboundError('too_large', `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Statuses that may not carry a body (Fetch §2.2.6 "null body status"). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

function toResponse(answer: Awaited<ReturnType<typeof undiciFetch>>, body: Buffer<ArrayBuffer>): Response {
  const headers = new Headers([...answer.headers]);
  // They describe the bytes on the wire, which are gone; cookies have nowhere to be kept.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding', 'set-cookie']) headers.delete(name);
  return new Response(bodiless.has(answer.status) ? null : body, {
    status: answer.status,
    statusText: answer.statusText,
    headers,
  });
}

const timeoutCodes = /^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$|^ETIMEDOUT$/;
const connectCodes = /^(E[A-Z_]+|ERR_(TLS|SSL)_.*|CERT_.*|.*_CERT(IFICATE)?(_.*)?|UND_ERR_SOCKET)$/;

function toOutboundError(error: unknown, signal: AbortSignal): OutboundError {
  // `fetch` wraps what went wrong below it in a TypeError.
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof OutboundError) return at;
    const code = 'code' in at ? String(at.code) : '';
    if (timeoutCodes.test(code)) return new OutboundError('timeout', code, { cause: error });
    if (connectCodes.test(code)) return new OutboundError('could_not_connect', code, { cause: error });
  }
  if (signal.aborted) return new OutboundError('timeout', 'took too long', { cause: error });
  return new OutboundError('bad_answer', 'no valid HTTP answer', { cause: error });
}

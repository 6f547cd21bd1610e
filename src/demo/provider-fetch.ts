import { type Config, isLoopback } from '#kernel/config.ts';
import { bareHost } from '#kernel/http/address.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import type { Log } from '#kernel/log.ts';

export type ProviderFetch = { fetch: (url: string, init: RequestInit) => Promise<Response>; close(): Promise<void> };

/**
 * The way of the demo to its provider: HTTP like any other relying party's, and to that one host alone.
 *
 * An issuer on loopback is this process, and its name may resolve to an address on which nobody listens: `localhost` to
 * the wrong family, `id.localhost` to none.
 */
export function createProviderFetch({ issuerUrl, host }: Pick<Config, 'issuerUrl' | 'host'>, log: Log): ProviderFetch {
  const listening = isLoopback(host) ? bareHost(host) : '127.0.0.1';
  const outbound = createOutbound({
    allow: [bareHost(issuerUrl.hostname)],
    log,
    ...(isLoopback(issuerUrl.hostname) ? { resolve: async () => [listening] } : {}),
  });
  return { fetch: (url, init) => outbound.fetch(url, init), close: () => outbound.close() };
}

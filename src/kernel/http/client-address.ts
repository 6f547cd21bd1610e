/**
 * The address of the client: the peer of the socket, or, if the peer is a trusted proxy, the address
 * that the chain of trusted proxies reports. No other client can influence the result.
 */
import { isIP } from 'node:net';
import { ConfigError } from '../config.ts';
import { bareHost, canonicalAddress, createAllowList } from './address.ts';
import { MOST_HOPS } from './limits.ts';

export type AddressResolver = {
  /** Whether the peer may speak for others: its forwarded headers count. */
  isTrusted(peer: string | undefined): boolean;
  /**
   * The client's address, canonical, IPv4 in four parts also where it came mapped into IPv6.
   * `forwardedFor` is the joined `X-Forwarded-For`; no other header is ever looked at.
   */
  resolve(peer: string | undefined, forwardedFor: string | undefined): string;
};

/** The address of a connection whose peer is unknown because it was reset. */
const unknownAddress = '0.0.0.0';

/** @throws ConfigError that names the entry of TRUSTED_PROXIES which is no address and no CIDR. */
export function createAddressResolver(trustedProxies: readonly string[]): AddressResolver {
  for (const entry of trustedProxies)
    if (isIP(bareHost(entry.split('/')[0] ?? '')) === 0)
      throw new ConfigError(`TRUSTED_PROXIES: ${JSON.stringify(entry)} is no address or CIDR such as 10.0.0.0/8.`);
  const trusted = createAllowList(trustedProxies);
  const isTrusted = (address: string): boolean => trustedProxies.length > 0 && trusted.hasAddress(address);

  return {
    isTrusted: (peer) => peer !== undefined && isTrusted(unmapped(peer)),
    resolve(peer, forwardedFor) {
      let client = peer === undefined ? unknownAddress : unmapped(peer);
      if (forwardedFor === undefined || !isTrusted(client)) return client;
      // From the right, because each proxy appends its peer: the primary email address that is not one of our proxies is the client,
      // and that client wrote everything to its left.
      for (const hop of forwardedFor.split(',').toReversed().slice(0, MOST_HOPS)) {
        const address = readHop(hop.trim());
        if (address === null) return client;
        client = address;
        if (!isTrusted(client)) return client;
      }
      return client;
    },
  };
}

/** `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; null for anything else. */
function readHop(text: string): string | null {
  const [, bracketed] = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text) ?? [];
  const [, dotted] = /^([\d.]+):\d{1,5}$/.exec(text) ?? [];
  const bare = bracketed ?? dotted ?? text;
  if (isIP(bare) === 0 || (bracketed !== undefined && isIP(bare) !== 6)) return null;
  return unmapped(bare);
}

/** RFC 4291 §2.5.5.2: a listener on `::` sees IPv4 peers as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  if (isIP(address) === 4) return address;
  const canonical = canonicalAddress(address);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}

/**
 * Which addresses an outgoing request may reach. Only unicast addresses of the public internet count as public; every
 * special-purpose block of IANA (RFC 6890 and its registries) is refused, and so is every IPv6 form that carries an IPv4
 * address, because a gateway on the way may unwrap it.
 */
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = readonly [Address, number];

const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Public by number, yet answered by the cloud's own host: Azure's WireServer hands out machine credentials. */
const metadataAddresses: ReadonlySet<string> = new Set(['168.63.129.16']);

/** True for an address that belongs to a stranger on the internet. Text that is no address is not public. */
export function isPublicAddress(text: string): boolean {
  const address = parse(text);
  if (!address || address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv4) return !metadataAddresses.has(address.toString());
  // Addresses outside 2000::/3 are not assigned for use on the internet, including ::a.b.c.d (RFC 4291 §2.5.5.1).
  // ISATAP (RFC 5214 §6.1) hides an IPv4 address in the interface identifier.
  return address.match(globalUnicast) && !(address.parts[5] === 0x5efe && (address.parts[4]! & 0xfdff) === 0);
}

/** Addresses of this machine's own interfaces, where its database and its own listeners answer. */
export function ownAddresses(): ReadonlySet<string> {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(found.map((entry) => parse(entry.address)?.toString() ?? entry.address));
}

/** Hosts and blocks that the operator lets through (`OUTBOUND_ALLOW`). */
type AllowList = {
  /** `host` as it stands in a URL: lower case, IPv6 in brackets or not. */
  hasHost(host: string): boolean;
  hasAddress(address: string): boolean;
};

/** @throws Error that names the entry which is neither a host name, nor an address, nor a CIDR. */
export function createAllowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>();
  const blocks: Block[] = [];
  for (const entry of entries) {
    const block = parseBlock(entry);
    if (block) blocks.push(block);
    else if (/^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i.test(entry))
      hosts.add(entry.toLowerCase());
    else
      throw new Error(
        `OUTBOUND_ALLOW: ${JSON.stringify(entry)} is no host name, address or CIDR. Leave out scheme, port and path.`,
      );
  }
  const hasAddress = (text: string): boolean => {
    const address = parse(text);
    return (
      address !== null && blocks.some(([base, bits]) => address.kind() === base.kind() && address.match(base, bits))
    );
  };
  return { hasHost: (host) => hosts.has(host.replace(/\.$/, '')) || hasAddress(host), hasAddress };
}

/** The host of a URL without the brackets of IPv6. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** The canonical text of an address, so that two spellings compare as one; the text itself when it is none. */
export function canonicalAddress(text: string): string {
  return parse(text)?.toString() ?? text;
}

/**
 * The address that per-address limits count by: all of an IPv4 address, the first 64 bits of an IPv6 address, because
 * one subscriber holds at least a /64 and could otherwise send each attempt from an address of its own.
 */
export function addressKey(text: string): string {
  const address = parse(text);
  if (!address) return 'unknown';
  if (address instanceof ipaddr.IPv4) return address.toString();
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

/** The network that an address is of, coarse enough to stay the same for one household: /24 of IPv4, /48 of IPv6. */
export function networkKey(text: string): string {
  const address = parse(text);
  if (!address) return 'unknown';
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  const plain = isMapped ? address.toIPv4Address() : address;
  if (plain instanceof ipaddr.IPv4) return `${plain.octets.slice(0, 3).join('.')}.0/24`;
  return `${plain.parts
    .slice(0, 3)
    .map((part) => part.toString(16))
    .join(':')}::/48`;
}

/** A network in canonical text: `10.1.2.3/8` is `10.0.0.0/8`, an address alone is a network of one. Null for any other text. */
export function canonicalNetwork(text: string): string | null {
  const block = parseBlock(text);
  if (block === null) return null;
  const [address, bits] = plainBlock(block);
  const kind = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${kind.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()}/${bits}`;
}

/** Whether an address is in one of the networks; an IPv4 address also in its IPv6 form. Text that is no address is in none. */
export function isInNetworks(text: string, networks: readonly string[]): boolean {
  const address = parse(text);
  if (address === null) return false;
  const [plain] = plainBlock([address, address.kind() === 'ipv4' ? 32 : 128]);
  return networks.some((network) => {
    const block = parseBlock(network);
    return block !== null && plain.kind() === block[0].kind() && plain.match(...block);
  });
}

/** The addresses that are in both lists, in canonical text: two networks have all of the smaller one in common, or nothing. */
export function commonNetworks(some: readonly string[], others: readonly string[]): string[] {
  const canonical = (list: readonly string[]) => list.flatMap((text) => canonicalNetwork(text) ?? []);
  const within = (inner: string, outer: string): boolean =>
    bitsOf(inner) >= bitsOf(outer) && isInNetworks(inner.slice(0, inner.indexOf('/')), [outer]);
  const common = canonical(some).flatMap((one) =>
    canonical(others).flatMap((other) => (within(one, other) ? [one] : within(other, one) ? [other] : [])),
  );
  return [...new Set(common)];
}

const bitsOf = (network: string): number => Number(network.slice(network.indexOf('/') + 1));

/** `::ffff:192.0.2.0/120` is `192.0.2.0/24`. */
function plainBlock([address, bits]: Block): Block {
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
}

/** Strict: four decimal parts or the text form of RFC 4291. `127.1`, `0x7f.1` and `2130706433` are no addresses here. */
function parse(text: string): Address | null {
  const bare = bareHost(text).replace(/%.*$/, '');
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  return ipaddr.IPv6.isValid(bare) ? ipaddr.IPv6.parse(bare) : null;
}

function parseBlock(entry: string): Block | null {
  const slash = entry.indexOf('/');
  const address = parse(slash < 0 ? entry : entry.slice(0, slash));
  if (!address) return null;
  const widest = address.kind() === 'ipv4' ? 32 : 128;
  const bits = slash < 0 ? String(widest) : entry.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= widest ? [address, Number(bits)] : null;
}

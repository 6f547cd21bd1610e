import { describe, expect, test } from 'vitest';
import { ConfigError } from '#kernel/config.ts';
import { createAddressResolver } from '#kernel/http/client-address.ts';

const none = createAddressResolver([]);
const one = createAddressResolver(['10.0.0.1']);
const network = createAddressResolver(['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1']);

describe('the client’s address', () => {
  test.each([
    [
      'without trusted proxies the peer is the client, whatever it forwards',
      none,
      '203.0.113.9',
      '198.51.100.1',
      '203.0.113.9',
    ],
    ['a peer that is no proxy of ours cannot forward', one, '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a proxy that forwards nothing is itself the client', one, '10.0.0.1', undefined, '10.0.0.1'],
    ['one hop: the proxy names the client', one, '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    [
      'one hop: what the client wrote before it does not count',
      one,
      '10.0.0.1',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    [
      'one hop: the client cannot dress up as the proxy',
      one,
      '10.0.0.1',
      '9.9.9.9, 10.0.0.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['two hops: both proxies are passed over', network, '10.0.0.2', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
    [
      'two hops: further claims on the left do not count',
      network,
      '10.0.0.2',
      '8.8.8.8, 198.51.100.1, 10.9.9.9',
      '198.51.100.1',
    ],
    ['only proxies on the way: the farthest of them', network, '10.0.0.2', '10.1.1.1, 10.9.9.9', '10.1.1.1'],
    ['an IPv4 peer may come mapped into IPv6', one, '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['a mapped client is an IPv4 client', one, '10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['a mapped address in hexadecimal is the same one', one, '10.0.0.1', '::ffff:c633:6401', '198.51.100.1'],
    ['a port after an IPv4 address is dropped', one, '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['brackets around an IPv6 address are dropped', one, '10.0.0.1', '[2001:db8::7]', '2001:db8::7'],
    ['brackets and a port are dropped', one, '10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['a bare IPv6 address keeps all its groups', one, '10.0.0.1', '2001:db8::7', '2001:db8::7'],
    ['two spellings of one IPv6 address are one', one, '10.0.0.1', '2001:0DB8:0:0::7', '2001:db8::7'],
    ['an IPv6 network of proxies', network, '2001:db8:ffff::1', '2001:db8::7', '2001:db8::7'],
    ['spaces do not matter', one, '10.0.0.1', '  198.51.100.1  ', '198.51.100.1'],
    ['garbage in the last place leaves the proxy', one, '10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
    ['an empty header leaves the proxy', one, '10.0.0.1', '', '10.0.0.1'],
    ['an obfuscated name leaves the proxy', one, '10.0.0.1', '_hidden', '10.0.0.1'],
    ['brackets around an IPv4 address are garbage', one, '10.0.0.1', '[198.51.100.1]', '10.0.0.1'],
    ['a number is no address', one, '10.0.0.1', '3325256705', '10.0.0.1'],
    ['garbage behind a proxy leaves that proxy', network, '10.0.0.2', 'x, 10.9.9.9', '10.9.9.9'],
    ['a peer that is gone has no address', none, undefined, '198.51.100.1', '0.0.0.0'],
  ] as const)('%s', (_title, resolver, peer, forwarded, expected) => {
    expect(resolver.resolve(peer, forwarded)).toBe(expected);
  });

  test('a long chain of proxies is followed for 32 hops', () => {
    const chain = ['198.51.100.1', ...Array.from({ length: 64 }, (_, i) => `10.0.1.${i}`)].join(',');
    expect(network.resolve('10.0.0.2', chain)).toBe('10.0.1.32');
  });
});

test.each([
  [none, '10.0.0.1', false],
  [one, '10.0.0.1', true],
  [one, '::ffff:10.0.0.1', true],
  [one, '10.0.0.2', false],
  [network, '2001:db8:ffff:1::', true],
  [network, '2001:db8:fffe::1', false],
  [network, undefined, false],
] as const)('only listed peers are trusted (%#: %s)', (resolver, peer, expected) => {
  expect(resolver.isTrusted(peer)).toBe(expected);
});

test.each(['proxy.internal', '10.0.0.0/33', '10.0.0', '10.0.0.1:80', '*', ''])(
  'the entry %j of TRUSTED_PROXIES stops the start',
  (entry) => {
    expect(() => createAddressResolver([entry])).toThrow(/TRUSTED_PROXIES|CIDR/);
  },
);

test('the error of a wrong entry names the variable', () => {
  expect(() => createAddressResolver(['proxy.internal'])).toThrow(ConfigError);
});

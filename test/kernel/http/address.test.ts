import * as fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { addressKey, createAllowList, isPublicAddress, ownAddresses } from '#kernel/http/address.ts';

const refused = {
  'this network': ['0.0.0.0', '0.1.2.3'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1'],
  'link-local': ['169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  'reserved and documentation': [
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '255.255.255.255',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '5f00::1',
    '2001:2::1',
    '4000::1',
  ],
  'cloud metadata': [
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    '169.254.170.2',
  ],
  'IPv4 inside IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '::8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '::ffff:0:127.0.0.1',
    '2a00::5efe:10.0.0.1',
    '2a00::200:5efe:10.0.0.1',
  ],
  'no address': [
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '017700000001',
    '2130706433',
    '1.2.3.4.5',
    '8.8.8',
    '08.8.8.8',
    ' 8.8.8.8',
    '8.8.8.8/32',
  ],
};

describe('an address may be reached only when it is a unicast address of the public internet', () => {
  test.each(Object.entries(refused))('%s is refused', (_block, addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test('no spelling of an IPv6 address changes the verdict', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = ipaddr.IPv6.parse(text);
        const verdict = isPublicAddress(text);
        expect(isPublicAddress(address.parts.map((part) => part.toString(16).padStart(4, '0')).join(':'))).toBe(
          verdict,
        );
        expect(isPublicAddress(address.toRFC5952String().toUpperCase())).toBe(verdict);
        expect(isPublicAddress(`[${address.toNormalizedString()}]`)).toBe(verdict);
      }),
    );
  });

  test('an inner IPv4 address is refused in every IPv6 form that carries one', () => {
    const octet = fc.nat(255);
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
        const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
        const inside = `${hex(a, b)}:${hex(c, d)}`;
        const forms = [
          `::ffff:${a}.${b}.${c}.${d}`,
          `::ffff:${inside}`,
          `::${inside}`,
          `64:ff9b::${inside}`,
          `2002:${inside}::1`,
          `::ffff:0:${inside}`,
        ];
        expect(forms.filter(isPublicAddress)).toEqual([]);
      }),
    );
  });

  test('every public IPv4 address lies outside every private block', () => {
    const privateBlocks = createAllowList([
      '10.0.0.0/8',
      '127.0.0.0/8',
      '172.16.0.0/12',
      '192.168.0.0/16',
      '169.254.0.0/16',
      '100.64.0.0/10',
      '224.0.0.0/3',
      '0.0.0.0/8',
    ]);
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const isSpecial = privateBlocks.hasAddress(address) || /^(192|198|203|168)\./.test(address);
        expect(isPublicAddress(address) ? !privateBlocks.hasAddress(address) : isSpecial).toBe(true);
      }),
    );
  });

  test('this machine knows its own addresses', () => {
    expect(ownAddresses()).toContain('127.0.0.1');
  });
});

describe('the allow list', () => {
  const list = createAllowList(['10.1.0.0/16', '192.168.7.7', 'fd00::/8', 'Idp.Internal', 'localhost']);

  test.each([
    ['10.1.255.1', true],
    ['10.2.0.1', false],
    ['192.168.7.7', true],
    ['192.168.7.8', false],
    ['fd12::1', true],
    ['fc00::1', false],
    ['::ffff:10.1.0.1', false],
    ['nonsense', false],
  ])('address %s: %s', (address, expected) => {
    expect(list.hasAddress(address)).toBe(expected);
  });

  test.each([
    ['idp.internal', true],
    ['idp.internal.', true],
    ['localhost', true],
    ['a.idp.internal', false],
    ['idp.internal.evil.test', false],
    ['192.168.7.7', true],
  ])('host %s: %s', (host, expected) => {
    expect(list.hasHost(host)).toBe(expected);
  });

  test.each(['http://x', 'host:80', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', 'a..b', '*', '', 'a/b'])(
    'the entry %j is refused with the name of the variable',
    (entry) => {
      expect(() => createAllowList([entry])).toThrow(/OUTBOUND_ALLOW/);
    },
  );
});

describe('the key of per-address limits', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
    ['2001:DB8:1:3::1', '2001:db8:1:3::/64'],
    ['', 'unknown'],
    ['evil\nkey', 'unknown'],
  ])('%j counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  test('all addresses of one /64 share a key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }),
        fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }),
        ([a, b, c, d], host) => {
          const network = [0x2000 | (a! & 0x1fff), b!, c!, d!].map((part) => part.toString(16)).join(':');
          expect(addressKey(`${network}:${host.map((part) => part.toString(16)).join(':')}`)).toBe(`${network}::/64`);
        },
      ),
    );
  });
});

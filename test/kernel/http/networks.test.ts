import { expect, test } from 'vitest';
import { canonicalNetwork, commonNetworks, isInNetworks } from '#kernel/http/address.ts';

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['192.0.2.7', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:DB8:0::1/32', '2001:db8::/32'],
  ['[2001:db8::1]', '2001:db8::1/128'],
  ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
  ['10.0.0.0/33', null],
  ['10.0.0/8', null],
  ['localhost', null],
  ['10.0.0.0/-1', null],
  ['', null],
])('the network %j is %j', (text, expected) => {
  expect(canonicalNetwork(text)).toBe(expected);
});

test.each([
  ['10.9.8.7', ['10.0.0.0/8'], true],
  ['11.9.8.7', ['10.0.0.0/8'], false],
  ['::ffff:10.9.8.7', ['10.0.0.0/8'], true],
  ['10.9.8.7', ['::/0'], false],
  ['2001:db8::7', ['10.0.0.0/8', '2001:db8::/32'], true],
  ['2001:db9::7', ['2001:db8::/32'], false],
  ['unknown', ['0.0.0.0/0'], false],
  ['192.0.2.1', [], false],
])('%s in %j: %s', (address, networks, expected) => {
  expect(isInNetworks(address, networks)).toBe(expected);
});

test.each([
  [['10.0.0.0/8'], ['10.1.0.0/16', '10.2.0.0/16'], ['10.1.0.0/16', '10.2.0.0/16']],
  [['10.1.0.0/16'], ['10.1.0.0/16', '10.0.0.0/8'], ['10.1.0.0/16']],
  [['0.0.0.0/0'], ['::/0'], []],
  [['192.0.2.0/25'], ['192.0.2.128/25'], []],
])('%j and %j have %j in common', (some, others, expected) => {
  expect(commonNetworks(some, others)).toEqual(expected);
  expect(new Set(commonNetworks(others, some))).toEqual(new Set(expected));
});

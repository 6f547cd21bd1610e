import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTxtRecords, isDnsServer } from '#kernel/txt-records.ts';
import { openDns, type TestDns } from '../support/dns.ts';

let dns: TestDns;
beforeAll(async () => {
  dns = await openDns();
});
beforeEach(() => {
  dns.mode = 'answering';
});
afterAll(() => dns.close());

describe('TXT records', () => {
  test('are found, with the pieces of a long text put together', async () => {
    const long = 'x'.repeat(700);
    dns.records.set('acme.test', ['one', long]);
    const found = await createTxtRecords([dns.address])('acme.test');
    expect(found).toEqual({ kind: 'found', texts: expect.arrayContaining(['one', long]) as string[] });
  });

  test('are not there at an unknown name, and at a name without any', async () => {
    dns.records.set('empty.test', []);
    const find = createTxtRecords([dns.address]);
    expect([await find('unknown.test'), await find('empty.test')]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
  });

  test('are neither there nor not there when the server fails', async () => {
    dns.mode = 'failing';
    expect(await createTxtRecords([dns.address])('acme.test')).toEqual({ kind: 'failed', reason: 'ESERVFAIL' });
  });

  test('are given up in seconds when the server says nothing', async () => {
    dns.mode = 'silent';
    const begun = performance.now();
    const found = await createTxtRecords([dns.address, dns.address])('acme.test');
    expect(found.kind).toBe('failed');
    expect(performance.now() - begun).toBeLessThan(8000);
  }, 15_000);
});

test.each([
  ['192.0.2.53', true],
  ['192.0.2.53:5353', true],
  ['2001:db8::53', true],
  ['[2001:db8::53]:5353', true],
  ['[2001:db8::53]', true],
  ['dns.example', false],
  ['192.0.2.53:', false],
  ['192.0.2.53:123456', false],
  ['', false],
])('%j is the address of a DNS server: %s', (text, is) => {
  expect(isDnsServer(text)).toBe(is);
});

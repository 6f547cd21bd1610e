import { describe, expect, test } from 'vitest';
import { ownPath, seeOther } from '#kernel/http/redirect.ts';

function answer() {
  const headers: Record<string, string> = {};
  return {
    status: 200,
    body: 'before' as unknown,
    headers,
    set: (name: string, value: string) => void (headers[name] = value),
  };
}

describe('a local path', () => {
  test.each([
    ['/', '/'],
    ['/account', '/account'],
    ['/interaction/abc/login?step=2#here', '/interaction/abc/login?step=2#here'],
    ['/a/../b', '/b'],
    ['/search?q=https://evil.test', '/search?q=https://evil.test'],
    ['/x%2f%2fevil.test', '/x%2f%2fevil.test'],
    ['/@evil.test', '/@evil.test'],
  ])('%j leads to %j', (text, expected) => {
    expect(ownPath(text)).toBe(expected);
  });
});

const hostile = [
  'https://evil.test',
  '//evil.test',
  '/\\evil.test',
  '\\\\evil.test',
  '/\tevil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r/evil.test',
  'https:evil.test',
  'https:/evil.test',
  'http://idp.test@evil.test',
  'https://idp.test.evil.test',
  'javascript:alert(1)',
  'data:text/html,x',
  '/..//evil.test',
  '/.//evil.test',
  '/a/..//evil.test',
  '/%2e%2e//evil.test',
  '/%2e//evil.test',
  '%2f%2fevil.test',
  '///evil.test',
  'https://idp.test%00.evil.test',
  'https://evil.test#idp.test',
  ' https://evil.test',
  ' //evil.test',
  '\u0000//evil.test',
  '/\u0000',
  '/ümlaut',
  '/a\u202eb',
  '',
  'account',
  '?x',
  '.',
];

test.each(hostile)('%j is not a local path, and no redirect goes there', (text) => {
  expect(ownPath(text)).toBeNull();
  const ctx = answer();
  expect(() => seeOther(ctx, text)).toThrow('left this origin');
  expect(ctx.headers['Location']).toBeUndefined();
});

describe('redirecting', () => {
  test('is 303, so that no browser repeats a form with a password (RFC 9700 §4.12)', () => {
    const ctx = answer();
    seeOther(ctx, '/interaction/abc');
    expect(ctx).toMatchObject({
      status: 303,
      body: null,
      headers: { Location: '/interaction/abc', 'Cache-Control': 'no-store' },
    });
  });

  test('leaves this origin only to an exactly registered address', () => {
    const ctx = answer();
    seeOther(ctx, 'https://rp.test/cb?x=1', ['https://rp.test/cb?x=1']);
    expect(ctx.headers['Location']).toBe('https://rp.test/cb?x=1');
  });

  test.each([
    'https://rp.test/cb/',
    'https://rp.test/cb#x',
    'https://rp.test/cb?x',
    'HTTPS://rp.test/cb',
    'https://rp.test/cb%2f',
  ])('does not accept %j as the registered one', (location) => {
    expect(() => seeOther(answer(), location, ['https://rp.test/cb'])).toThrow('left this origin');
  });
});

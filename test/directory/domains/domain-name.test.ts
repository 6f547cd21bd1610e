import { describe, expect, test } from 'vitest';
import { challengeOf } from '#directory/domains/domain-challenge.ts';
import { domainOf, readDomain } from '#directory/domains/domain-name.ts';

describe('a domain that an organization claims', () => {
  test.each([
    ['acme.com', 'acme.com'],
    [' ACME.com. ', 'acme.com'],
    ['mail.acme.co.uk', 'mail.acme.co.uk'],
    ['bücher.de', 'xn--bcher-kva.de'],
    ['acme.github.io', 'acme.github.io'],
    ['corp.internal', 'corp.internal'],
  ])('%j is %s', (typed, domain) => {
    expect(readDomain(typed)).toEqual({ kind: 'domain', domain });
  });

  test.each(['com', 'co.uk', 'github.io', 'gov.uk', 'xn--p1ai', 'рф', 'kawasaki.jp'])(
    '%j is a public suffix',
    (typed) => {
      expect(readDomain(typed)).toEqual({ kind: 'public_suffix' });
    },
  );

  test.each(['gmail.com', 'GMail.com', 'mail.web.de', 'qq.com', 'posteo.de', 'proton.me', 'icloud.com', 'tuta.io'])(
    'everyone can have an address at %j',
    (typed) => {
      expect(readDomain(typed)).toEqual({ kind: 'free_mail' });
    },
  );

  test.each([
    '',
    '.',
    'acme..com',
    '-acme.com',
    'acme_x.com',
    'a b.com',
    'acme.com/path',
    'user@acme.com',
    'https://acme.com',
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    'acme.com:53',
    '*.acme.com',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(120)}com`,
    'acme.com\u0000',
  ])('%j is none', (typed) => {
    expect(readDomain(typed)).toEqual({ kind: 'invalid' });
  });

  test('is proved by a record at a name of its own', () => {
    expect(challengeOf({ domain: 'acme.com', token: 'T' })).toEqual({
      name: '_latchkey-challenge.acme.com',
      value: 'latchkey-domain-verification=T',
    });
  });

  test('is the part of an email address after the last @', () => {
    expect([domainOf('ada@acme.com'), domainOf('"a@b"@acme.com')]).toEqual(['acme.com', 'acme.com']);
  });
});

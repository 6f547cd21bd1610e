import { describe, expect, test } from 'vitest';
import { matchesSubject } from '#oidc/client-authentication/certificate-subject.ts';

const DN = 'tls_client_auth_subject_dn';

describe('a subject in the form of RFC 4514', () => {
  test.each([
    ['CN=client', 'CN=client'],
    ['CN=client', 'cn=client'],
    ['C=NL\nO=Fernway\nCN=client', 'CN=client,O=Fernway,C=NL'],
    ['C=NL\nO=Fernway\nCN=client', 'CN=client, O=Fernway, C=NL'],
    ['O=Fernway\\, Inc.\nCN=client', 'CN=client,O=Fernway\\, Inc.'],
    ['O=Fernway\\, Inc.\nCN=client', 'CN=client,O=Fernway\\2C Inc.'],
    ['CN=Zoë', 'CN=Zo\\C3\\AB'],
  ])('%j is %s', (subject, expected) => {
    expect(matchesSubject({ subject, subjectAltName: undefined }, DN, expected)).toBe(true);
  });

  test.each([
    ['CN=a\\,O=b', 'CN=a,O=b'],
    ['O=b\nCN=a', 'CN=a\\,O=b'],
    ['CN=a\nO=b', 'CN=a,O=b'],
    ['O=b\nCN=a', 'O=b,CN=a'],
    ['O=b\nCN=a', 'CN=a'],
    ['CN=a', 'CN=a,O=b'],
    ['CN=client', 'CN=CLIENT'],
    ['CN=client', 'O=client'],
    ['', ''],
    ['CN=client', ''],
    ['CN=client', 'client'],
  ])('%j is not %s', (subject, expected) => {
    expect(matchesSubject({ subject, subjectAltName: undefined }, DN, expected)).toBe(false);
  });
});

describe('another name of the subject', () => {
  const subjectAltName =
    'DNS:client.example, IP Address:192.0.2.1, URI:https://client.example/a, email:it@client.example';
  test.each([
    ['dns', 'client.example', 'evil.example'],
    ['ip', '192.0.2.1', '192.0.2.11'],
    ['uri', 'https://client.example/a', 'https://client.example/'],
    ['email', 'it@client.example', 'client.example'],
  ])('%s: %s, not %s', (kind, right, wrong) => {
    const certificate = { subject: 'CN=x', subjectAltName };
    expect(matchesSubject(certificate, `tls_client_auth_san_${kind}`, right)).toBe(true);
    expect(matchesSubject(certificate, `tls_client_auth_san_${kind}`, wrong)).toBe(false);
  });

  test('one attribute that is written like several is one', () => {
    const certificate = {
      subject: 'CN=x',
      subjectAltName: 'URI:"https://a.example/, DNS:client.example, b", DNS:c.example',
    };
    expect(matchesSubject(certificate, 'tls_client_auth_san_dns', 'client.example')).toBe(false);
    expect(matchesSubject(certificate, 'tls_client_auth_san_dns', 'c.example')).toBe(true);
    expect(matchesSubject(certificate, 'tls_client_auth_san_uri', 'https://a.example/, DNS:client.example, b')).toBe(
      true,
    );
  });

  test.each([undefined, '', 'garbage', 'DNS'])('%j has none', (text) => {
    expect(matchesSubject({ subject: 'CN=x', subjectAltName: text }, 'tls_client_auth_san_dns', 'client.example')).toBe(
      false,
    );
  });
});

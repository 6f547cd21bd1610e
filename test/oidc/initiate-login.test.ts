/** OpenID Connect Core §4: the address at which an application begins a sign-in. */
import { expect, test } from 'vitest';
import { initiateLoginUrl } from '#oidc/initiate-login.ts';

const issuer = 'https://id.example';
const at = (initiateLoginUri: string | undefined, parameters: Record<string, unknown> | null = null) =>
  initiateLoginUrl({ initiateLoginUri } as never, issuer, parameters);

test.each<[string, string | undefined, Record<string, unknown> | null, string | null]>([
  ['none', undefined, { connection: 'acme' }, null],
  ['the issuer alone', 'https://rp.example/start', null, 'https://rp.example/start?iss=https%3A%2F%2Fid.example'],
  [
    'what says who signs in and how',
    'https://rp.example/start?from=tile&iss=evil',
    {
      connection: 'acme',
      domain_hint: 'acme.example',
      organization: 'org_1',
      login_hint: 'a b@c',
      state: 's',
      scope: 'x',
    },
    'https://rp.example/start?from=tile&iss=https%3A%2F%2Fid.example&login_hint=a+b%40c&connection=acme&domain_hint=acme.example&organization=org_1',
  ],
  [
    'nothing that is no text',
    'https://rp.example/start',
    { connection: ['a', 'b'], login_hint: '', organization: 7 },
    'https://rp.example/start?iss=https%3A%2F%2Fid.example',
  ],
])('has %s', (_what, uri, parameters, url) => {
  expect(at(uri, parameters)).toBe(url);
});

/** Lists of client metadata hold each value once, and so many; whether an operator writes them or software that registers itself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';

type Metadata = Record<string, unknown>;

let latchkey: TestApp;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'oidc.registration': 'open', 'limits.registrationsPerAddress': 10_000 },
  });
});
afterAll(() => latchkey.close());

const base: Metadata = {
  redirect_uris: ['https://rp.example/cb'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
};

async function operated(metadata: Metadata): Promise<Metadata> {
  return latchkey.run('clients.create', { name: 'Shop', type: 'web', ...base, ...metadata });
}

async function changed(metadata: Metadata): Promise<Metadata> {
  const { client_id } = await latchkey.client();
  return latchkey.run('clients.update', { client_id, ...metadata });
}

async function register(method: string, url: string, metadata: Metadata, token = ''): Promise<Metadata> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(metadata),
  });
  const body = (await answer.json()) as Metadata;
  if (!answer.ok) throw new Error(`${answer.status} ${String(body['error_description'])}`);
  return body;
}
const registered = (metadata: Metadata) =>
  register('POST', `${latchkey.base}/oidc/register`, { client_name: 'Software', ...base, ...metadata });

async function registeredAgain(metadata: Metadata): Promise<Metadata> {
  const first = await registered({});
  const {
    registration_access_token: token,
    registration_client_uri: uri,
    client_id_issued_at: _at,
    client_secret_expires_at: _end,
    ...rest
  } = first;
  return register('PUT', String(uri), { ...rest, ...metadata }, String(token));
}

const ways: readonly (readonly [string, (metadata: Metadata) => Promise<Metadata>])[] = [
  ['an operator makes', operated],
  ['an operator changes', changed],
  ['software registers', registered],
  ['software changes', registeredAgain],
];

const uris = (count: number) => Array.from({ length: count }, (_, n) => `https://rp.example/cb/${n}`);
const lists: Readonly<Record<string, { value: string; most: number; many: (count: number) => string[] }>> = {
  redirect_uris: { value: 'https://rp.example/cb', most: 100, many: uris },
  post_logout_redirect_uris: { value: 'https://rp.example/bye', most: 100, many: uris },
  contacts: { value: 'a@rp.example', most: 20, many: (count) => uris(count).map((_, n) => `a${n}@rp.example`) },
  default_acr_values: {
    value: 'urn:latchkey:acr:1',
    most: 10,
    many: (count) => uris(count).map((_, n) => `urn:example:${n}`),
  },
};

describe.each(ways)('a client that %s', (_who, write) => {
  test.each(Object.entries(lists))('%s with a thousand equal values holds one', async (member, { value }) => {
    const shown = await write({ [member]: Array.from({ length: 1000 }, () => value) });
    expect(shown[member]).toEqual([value]);
  });

  test.each(Object.entries(lists))('%s is bounded', async (member, { most, many }) => {
    if (member !== 'default_acr_values') expect((await write({ [member]: many(most) }))[member]).toHaveLength(most);
    await expect(write({ [member]: many(most + 1) })).rejects.toThrow(member === 'default_acr_values' ? /acr/ : member);
  });

  test.each([
    ['grant_types', 'authorization_code'],
    ['response_types', 'code'],
    ['response_modes', 'query'],
  ])('%s contains each value once', async (member, value) => {
    expect((await write({ [member]: [value, value, value] }))[member]).toEqual([value]);
  });
});

test('an operator is told which list is too long; nothing is cut off silently', async () => {
  await expect(operated({ redirect_uris: uris(101) })).rejects.toThrow(
    /redirect_uris must hold at most 100 different values/,
  );
});

test('the scopes of an API that a client may request are a list, too', async () => {
  await latchkey.run('apis.create', { identifier: 'https://api.example', scopes: [{ name: 'read' }] });
  const shown = await operated({ apis: { 'https://api.example': Array.from({ length: 300 }, () => 'read') } });
  expect(shown['apis']).toEqual({ 'https://api.example': ['read'] });
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`https://api.example/${n}`, ['*']]));
  await expect(operated({ apis: many })).rejects.toThrow(/apis|100/);
});

/**
 * A part of one object below another: the id of a session, a passkey or a secret opens it only under the user or client that has it. Each
 * operation on a part is tried; a new kind of part needs a row in `rows` below, unless the API creates it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, makeObjects, offered, type Offered, withIds } from '../../support/api-objects.ts';
import { API, callApi, clientTokens, machineWith, userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { keepIdentity, keepPasskey, keepTrustedBrowser } from '../../support/user-parts.ts';

type Params = Readonly<Record<string, string>>;

let latchkey: TestApp;
let token: string;
/** One part of each of two objects, by the path under which it stands. */
const parts = new Map<string, readonly [Params, Params]>();
const empty = { byPath: new Map(), byName: new Map() };

const namesIn = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
/** A member of a group is a user, who belongs to no group. */
const takesAny = /^\/api\/v1\/groups\/\{group_id\}\/members\//;
/** Parts of organizations are tried in test/attacks/organizations/foreign-ids.test.ts. */
const ofParts = offered.filter(
  ({ path }) => namesIn(path).length > 1 && namesIn(path)[0] !== 'organization_id' && !takesAny.test(path),
);
const partOf = ({ path }: Offered): string => path.slice(0, path.lastIndexOf('}') + 1);

const call = (each: Offered, params: Params, json: unknown = withIds(each.operation.example ?? {}, empty, 0)) =>
  callApi(latchkey, addressOf(each.path, params), {
    method: each.method,
    token,
    ...(each.reads ? {} : { json }),
  });
const named = (name: string): Offered => offered.find(({ operation }) => operation.name === name)!;
const firstOf = async (name: string, params: Params, member: string): Promise<string> => {
  const { body } = await call(named(name), params);
  const [first] = Object.values(body).find(Array.isArray) as Record<string, string>[];
  return first![member]!;
};

let made = 1000;
/** Parts that the API does not create, or not with ids of their own, made for one user: by their paths, the ids. */
async function partsOfUser(connection: string): Promise<Record<string, Params>> {
  const user = await latchkey.user();
  const user_id = user.id;
  const client = await latchkey.client({ apis: { [API]: ['*'] } });
  await userTokens(latchkey, client, user, 'openid users.read', { prompt: 'consent' });
  await keepIdentity(latchkey, user, connection);
  const below = (path: string) => `/api/v1/users/{user_id}/${path}`;
  // The first number of a user has the same key as the first one of every user.
  const numbers = [`+1202555${(made += 1)}`, `+1202555${(made += 1)}`];
  for (const phone_number of numbers) await call(named('users.phone_numbers.create'), { user_id }, { phone_number });
  const { body } = await call(named('users.phone_numbers.list'), { user_id });
  const second = (body['phone_numbers'] as { id: string; primary: boolean }[]).find(({ primary }) => !primary)!;
  return {
    [below('phone-numbers/{phone_number_id}')]: { user_id, phone_number_id: second.id },
    [below('passkeys/{passkey_id}')]: { user_id, passkey_id: await keepPasskey(latchkey, user) },
    [below('trusted-browsers/{trusted_browser_id}')]: {
      user_id,
      trusted_browser_id: await keepTrustedBrowser(latchkey, user),
    },
    [below('identities/{identity_id}')]: {
      user_id,
      identity_id: await firstOf('users.identities.list', { user_id }, 'id'),
    },
    [below('identities/{connection}')]: { user_id, connection },
    [below('sessions/{session_id}')]: { user_id, session_id: await firstOf('users.sessions.list', { user_id }, 'id') },
    [below('consents/{client_id}')]: { user_id, client_id: client.client_id },
  };
}

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  const scope = [...new Set(offered.map(({ operation }) => operation.permission))].join(' ');
  ({ access_token: token } = await clientTokens(latchkey, await machineWith(latchkey, '*'), { scope }));
  const users = [(await latchkey.user()).id, (await latchkey.user()).id];
  const create = async (each: Offered, params: Params, json: unknown) => {
    const { status, body } = await call(each, params, json ?? {});
    return status < 300 ? body : null;
  };
  const { byPath } = await makeObjects(create, 2, { user_id: users });
  for (const path of new Set(ofParts.map(partOf))) {
    const [one, other] = byPath.get(path) ?? [];
    const first = namesIn(path)[0]!;
    if (one && other && one[first] !== other[first]) parts.set(path, [one, other]);
  }
  const [rows, others] = [await partsOfUser('github'), await partsOfUser('gitlab')];
  for (const [path, part] of Object.entries(rows)) parts.set(path, [part, others[path]!]);
});
afterAll(() => latchkey?.close());

test('every part has two objects', () => {
  expect(ofParts.length).toBeGreaterThan(10);
  expect([...new Set(ofParts.map(partOf))].filter((path) => !parts.has(path))).toEqual([]);
});

describe.each(ofParts)('$operation.name', (each) => {
  test('does not find the part of another object', async () => {
    const [one, other] = parts.get(partOf(each))!;
    const last = namesIn(each.path).at(-1)!;
    const refused = await call(each, { ...other, [last]: one[last]! });
    expect([refused.status, refused.body['code']]).toEqual([404, expect.any(String)]);
    const read = offered.find(({ path, reads }) => reads && path === partOf(each));
    if (read) expect((await call(read, one)).status).toBe(200);
  });
});

import { createSecretKey, randomBytes } from 'node:crypto';
import type { AdapterPayload } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { beforeEach, describe, expect, test } from 'vitest';
import { SECOND } from '#kernel/clock.ts';
import { createKeyRing, sha256 } from '#kernel/crypto.ts';
import { ArtifactAdapter } from '../../src/oidc/artifacts/adapter.ts';
import type { Found, Kind } from '../../src/oidc/artifacts/artifact-store.ts';
import { Handles } from '../../src/oidc/artifacts/handles.ts';
import { IssuedTokens } from '../../src/oidc/artifacts/issued-tokens.ts';
import { MemoryArtifacts } from '../../src/oidc/artifacts/memory-artifacts.ts';
import { RecentFinds } from '../../src/oidc/artifacts/recent-finds.ts';
import { Reuse } from '../../src/oidc/artifacts/token-reuse.ts';
import { RequestMemo } from '../../src/oidc/artifacts/request-memo.ts';
import { Rotations } from '../../src/oidc/artifacts/rotations.ts';
import { mark } from '../../src/oidc/artifacts/token-marks.ts';
import { testClock } from '../support/clock.ts';

const clock = testClock();
const handles = new Handles(createSecretKey(randomBytes(32)));
let request: object | undefined;
let polls: number;
let isPatient: boolean;
let store: MemoryArtifacts;
let reuse: Reuse;
let of: (kind: Kind) => ArtifactAdapter;

beforeEach(() => {
  request = undefined;
  polls = 0;
  isPatient = true;
  store = new MemoryArtifacts(clock, 1000);
  reuse = new Reuse(() => request);
  const recent = new RecentFinds();
  const dependencies = {
    clock,
    handles,
    storeOf: () => store,
    memo: new RequestMemo(() => request),
    recent,
    issued: new IssuedTokens(() => request, recent),
    held: { holdsPut: () => false, holdsUse: () => false, flush: async () => undefined },
    reuse,
    rotations: new Rotations({
      clock,
      keyRing: createKeyRing(['x'.repeat(32)]),
      request: () => undefined,
      graceOf: () => 0,
    }),
    rename: async () => undefined,
    notePoll: async () => {
      polls += 1;
      return isPatient;
    },
  };
  of = (kind) => new ArtifactAdapter(kind, dependencies);
});

describe('handles', () => {
  const hash = sha256('an id');

  test('represent an id without revealing it', () => {
    const handle = handles.make(hash);
    expect(handles.isHandle(handle)).toBe(true);
    expect(handles.hashOf(handle)).toEqual(hash);
    expect(handles.hashOf('an id')).toEqual(hash);
  });

  test.each([
    ['made by another deployment', new Handles(createSecretKey(randomBytes(32))).make(hash)],
    ['of another hash', handles.make(hash).replace(/^~[^.]+/, `~${sha256('other').toString('base64url')}`)],
    ['without its proof', `~${hash.toString('base64url')}.`],
    ['with the hash as proof', `~${hash.toString('base64url')}.${hash.toString('base64url')}`],
    ['with a letter more', `${handles.make(hash)}A`],
    ['on a line of its own', `\n${handles.make(hash)}`],
  ])('%s are unknown ids', (_name, forged) => {
    expect(handles.isHandle(forged)).toBe(false);
    expect(handles.hashOf(forged)).not.toEqual(hash);
  });
});

describe('artifacts with a second key', () => {
  test('a session has a handle, by which it can be ended', async () => {
    const sessions = of('Session');
    await sessions.upsert('cookie', { uid: 'uid', accountId: 'usr_1' }, 60);
    const found = await sessions.findByUid('uid');
    expect(found).toMatchObject({ uid: 'uid', accountId: 'usr_1' });
    expect(found?.jti).not.toBe('cookie');
    expect(await sessions.find(found!.jti!)).toMatchObject({ uid: 'uid' });
    await sessions.destroy(found!.jti!);
    expect(await sessions.find('cookie')).toBeUndefined();
    expect(await sessions.findByUid('uid')).toBeUndefined();
  });

  test('a device code that is saved again is still found by its user code', async () => {
    const codes = of('DeviceCode');
    await codes.upsert('device', { userCode: 'BCDFGHJK', clientId: 'tv' }, 600);
    const byUser = await codes.findByUserCode('BCDFGHJK');
    expect(byUser?.userCode).toBe('BCDFGHJK');
    await codes.upsert(byUser!.jti!, { ...byUser, inFlight: true }, 600);
    const byHandle = await codes.find(byUser!.jti!);
    expect(byHandle?.userCode).toBeUndefined();
    await codes.upsert(byUser!.jti!, { ...byHandle, accountId: 'usr_1' }, 600);
    expect(await codes.findByUserCode('BCDFGHJK')).toMatchObject({ accountId: 'usr_1' });
    expect(await codes.find('device')).toMatchObject({ accountId: 'usr_1', jti: 'device' });
    expect(await codes.findByUserCode('KJHGFDCB')).toBeUndefined();
  });
});

describe('device codes', () => {
  const asked: AdapterPayload = { userCode: 'BCDFGHJK' };

  test.each<[string, AdapterPayload, AdapterPayload]>([
    ['confirmed twice', { inFlight: true }, { inFlight: true }],
    [
      'approved after it was denied',
      { inFlight: true, error: 'access_denied' },
      { inFlight: true, accountId: 'usr_1' },
    ],
    ['denied after it was approved', { inFlight: true, accountId: 'usr_1' }, { error: 'access_denied' }],
    ['approved by two', { inFlight: true, accountId: 'usr_1' }, { inFlight: true, accountId: 'usr_2' }],
  ])('cannot be %s', async (_name, first, second) => {
    const codes = of('DeviceCode');
    await codes.upsert('device', asked, 600);
    await codes.upsert('device', { ...asked, ...first }, 600);
    await expect(codes.upsert('device', { ...asked, ...second }, 600)).rejects.toMatchObject({
      name: 'AlreadyUsedError',
    });
    expect(await codes.find('device')).toMatchObject(first);
  });

  test('count polls of the device only, and only before a decision', async () => {
    const codes = of('DeviceCode');
    await codes.upsert('device', asked, 600);
    const byUser = await codes.findByUserCode('BCDFGHJK');
    await codes.find(byUser!.jti!);
    expect(polls).toBe(0);
    await codes.find('device');
    expect(polls).toBe(1);
    isPatient = false;
    await expect(codes.find('device')).rejects.toBeInstanceOf(errors.SlowDown);
    await codes.upsert('device', { ...asked, accountId: 'usr_1' }, 600);
    expect(await codes.find('device')).toMatchObject({ accountId: 'usr_1' });
    expect(polls).toBe(2);
  });
});

describe('consuming an artifact', () => {
  test.each<[Kind, string, new (...args: never[]) => Error]>([
    ['AuthorizationCode', mark('AuthorizationCode', 'x'), errors.InvalidGrant],
    ['RefreshToken', mark('RefreshToken', 'x'), errors.InvalidGrant],
    ['DeviceCode', 'x', errors.InvalidGrant],
    ['PushedAuthorizationRequest', 'x', errors.InvalidRequestUri],
  ])('a %s works once, and its consumption time is in seconds', async (kind, id, refusal) => {
    const adapter = of(kind);
    await adapter.upsert(id, {}, 60);
    await adapter.consume(id);
    expect((await adapter.find(id))?.['consumed']).toBe(Math.floor(clock.now().getTime() / SECOND));
    await expect(adapter.consume(id)).rejects.toBeInstanceOf(refusal);
    await expect(adapter.consume(`${id}y`)).rejects.toBeInstanceOf(refusal);
  });

  test('a missing artifact causes no other fault', async () => {
    await expect(of('Session').destroy('nobody')).resolves.toBeUndefined();
    await expect(of('AccessToken').destroy(mark('AccessToken', 'x'))).resolves.toBeUndefined();
  });
});

test('the engine gets an artifact back unchanged', async () => {
  const payload = {
    returnTo: 'https://id.example.com/oidc/auth/uid-of-it',
    prompt: { name: 'login', reasons: [], details: {} },
    session: { accountId: 'usr_1', uid: 'session' },
    params: { scope: 'openid', claims: '{"id_token":{"email":null}}' },
    result: { consent: { grantId: 'g' } },
    iat: 1,
    exp: 2,
  };
  await of('Interaction').upsert('uid-of-it', { ...payload, jti: 'uid-of-it' }, 60);
  expect(await of('Interaction').find('uid-of-it')).toEqual({ ...payload, jti: 'uid-of-it' });
});

describe('grant and session of a token', () => {
  const token = mark('AccessToken', 'x');
  const grant: Found = { idHash: sha256('grant'), payload: { openid: { scope: 'openid' } }, consumedAt: null };
  let looked: string[];

  beforeEach(async () => {
    looked = [];
    await of('Grant').upsert('grant', { openid: { scope: 'stored' } }, 60);
    await of('AccessToken').upsert(token, { grantId: 'grant', sessionUid: 'uid', expiresWithSession: true }, 60);
    const find = store.find.bind(store);
    store.find = async (kind, hash) => {
      looked.push(kind);
      const found = await find(kind, hash);
      return found && kind === 'AccessToken' ? { ...found, grant, session: null } : found;
    };
  });

  test('that were loaded with it are not loaded again in the same request', async () => {
    request = {};
    await of('AccessToken').find(token);
    expect(await of('Grant').find('grant')).toMatchObject({ openid: { scope: 'openid' } });
    expect(await of('Session').findByUid('uid')).toBeUndefined();
    expect(looked).toEqual(['AccessToken']);
  });

  test('are copies: the next request does not see changes of one request', async () => {
    request = {};
    await of('AccessToken').find(token);
    const mine = await of('Grant').find('grant');
    Object.assign(mine?.['openid'] as object, { scope: 'openid everything' });
    expect(await of('Grant').find('grant')).toMatchObject({ openid: { scope: 'openid' } });
  });

  test.each<[string, () => Promise<unknown>]>([
    ['another request', async () => (request = {})],
    ['something was written', async () => of('Grant').upsert('other', {}, 60)],
    ['something was revoked', async () => of('AccessToken').revokeByGrantId('other')],
  ])('are loaded when %s', async (_name, happen) => {
    request = {};
    await of('AccessToken').find(token);
    await happen();
    expect(await of('Grant').find('grant')).toMatchObject({ openid: { scope: 'stored' } });
    expect(looked).toEqual(['AccessToken', 'Grant']);
  });

  test('are loaded outside of any request', async () => {
    await of('AccessToken').find(token);
    expect(await of('Grant').find('grant')).toMatchObject({ openid: { scope: 'stored' } });
  });

  test('a recently loaded token is forgotten when anything is revoked here', async () => {
    await of('AccessToken').find(token);
    await of('AccessToken').find(token);
    expect(looked).toEqual(['AccessToken']);
    await of('Grant').destroy('grant');
    expect(await of('AccessToken').find(token)).toBeUndefined();
  });

  test('single-use artifacts are loaded each time', async () => {
    const refresh = mark('RefreshToken', 'x');
    await of('RefreshToken').upsert(refresh, { grantId: 'grant' }, 60);
    await of('RefreshToken').find(refresh);
    await of('RefreshToken').consume(refresh);
    expect(await of('RefreshToken').find(refresh)).toHaveProperty('consumed');
  });
});

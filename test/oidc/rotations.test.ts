import { errors, type Client, type KoaContextWithOIDC } from 'oidc-provider';
import { expect, test } from 'vitest';
import { createKeyRing, sha256 } from '#kernel/crypto.ts';
import type { Found } from '../../src/oidc/artifacts/artifact-store.ts';
import { Rotations } from '../../src/oidc/artifacts/rotations.ts';
import { mark, mayBe } from '../../src/oidc/artifacts/token-marks.ts';
import { testClock } from '../support/clock.ts';

const clock = testClock();
const [old, current] = ['old-secret-'.repeat(3), 'new-secret-'.repeat(3)] as const;
const token = mark('RefreshToken', 'a refresh token');

/** One request of a client to one node: a refresh, unless the route or the grant type says otherwise. */
function request(secrets: readonly string[], { route = 'token', grant = 'refresh_token', grace = 10 } = {}) {
  const ctx = {
    oidc: { route, params: { grant_type: grant }, client: {} as Client },
    status: 200,
    set: () => undefined,
    body: { refresh_token: 'as the engine made it' },
  } as unknown as KoaContextWithOIDC;
  const rotations = new Rotations({
    clock,
    keyRing: createKeyRing(secrets),
    request: () => ctx,
    graceOf: () => grace,
  });
  return { ctx, rotations };
}

const unused: Found = { idHash: sha256(token), payload: { accountId: 'usr_1' }, consumedAt: null };
const usedAt = (milliseconds: number, successorHash: Buffer | null): Found => ({
  ...unused,
  consumedAt: new Date(clock.now().getTime() - milliseconds),
  successorHash,
});

const successorIs = (found: Found | null) => async () => found;
const openSuccessor = successorIs(unused);

async function first(secrets: readonly string[]): Promise<string> {
  const { rotations } = request(secrets);
  expect(await rotations.read(unused, openSuccessor)).toBe(false);
  const rotation = rotations.begin(token);
  const successor = rotations.successor()!;
  expect(rotation).toMatchObject({ isRepeat: false, successorHash: sha256(successor) });
  return successor;
}

test('a successor is a refresh token, the same on each node, and another one under another secret', async () => {
  const successor = await first([old]);
  expect(mayBe('RefreshToken', successor)).toBe(true);
  expect(successor).not.toBe(token);
  expect(await first([old])).toBe(successor);
  expect(await first([current, old])).not.toBe(successor);
});

test.each<[string, readonly string[], readonly string[], boolean]>([
  ['the same ring', [old], [old], true],
  ['a new secret in front', [old], [current, old], true],
  ['the new secret behind', [current, old], [old, current], true],
  ['the old secret gone, which had made it', [old], [current], false],
  ['the new secret unknown', [current, old], [old], false],
])('%s: the successor is named again, or refused in words', async (_what, before, after, isKnown) => {
  const successor = await first(before);
  const late = request(after);
  expect(await late.rotations.read(usedAt(5000, sha256(successor)), openSuccessor)).toBe(true);
  const beaten = request(after);
  await beaten.rotations.read(unused, openSuccessor);
  beaten.rotations.begin(token);
  if (!isKnown) {
    expect(() => late.rotations.begin(token)).toThrow(errors.InvalidGrant);
    expect(() => beaten.rotations.repeated(token, sha256(successor))).toThrow(errors.InvalidGrant);
    return;
  }
  expect(late.rotations.begin(token)).toMatchObject({ isRepeat: true, successorHash: sha256(successor) });
  beaten.rotations.repeated(token, sha256(successor));
  for (const { ctx, rotations } of [late, beaten]) {
    expect(rotations.successor()).toBe(successor);
    await rotations.middleware()(ctx, async () => undefined);
    expect(ctx.body).toEqual({ refresh_token: successor });
  }
});

const x = usedAt(0, sha256('x'));
test.each<[string, Found, Parameters<typeof request>[1], Found | null]>([
  ['at introspection', x, { route: 'introspection' }, unused],
  ['with another grant type', x, { grant: 'authorization_code' }, unused],
  ['without a grace', x, { grace: 0 }, unused],
  ['without a grace, used by a node whose clock is ahead', usedAt(-5000, sha256('x')), { grace: 0 }, unused],
  ['when the time is over', usedAt(10_000, sha256('x')), {}, unused],
  ['of an older release, without a successor', usedAt(0, null), {}, unused],
  ['whose successor was used', x, {}, x],
  ['whose successor is gone', x, {}, null],
])('a used token %s stays a used one', async (_what, found, given, successor) => {
  const { rotations } = request([old], given);
  expect(await rotations.read(found, successorIs(successor))).toBe(false);
  expect(rotations.begin(token)?.isRepeat ?? false).toBe(false);
});

test('without a grace, and outside of a refresh, the next token is drawn', async () => {
  const without = request([old], { grace: 0 }).rotations;
  await without.read(unused, openSuccessor);
  expect([without.begin(token), without.successor()]).toEqual([undefined, null]);
  const other = request([old], { grant: 'authorization_code' }).rotations;
  await other.read(unused, openSuccessor);
  expect([other.begin(token), other.successor()]).toEqual([undefined, null]);
});

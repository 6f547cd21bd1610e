import { createPrivateKey, createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, importJWK, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR } from '#kernel/clock.ts';
import { createKeyRing, SealError } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { createKeys, type PrivateJwk } from '#oidc/keys/module.ts';
import { recordingAudit } from '../../support/audit.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { testKeyPolicies, testKeyPolicy } from '../../support/keys.ts';
import { policiesWith } from '../../support/policies.ts';

const oldSecret = 'the-old-secret-of-the-key-ring-32';
const newSecret = 'the-new-secret-of-the-key-ring-32';
const log = createLog({ level: 'silent' });
const operator = { actor: { type: 'operator' as const } };

let database: Database;
let clock: ReturnType<typeof testClock>;
let audit: ReturnType<typeof recordingAudit>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.sql('delete from signing_key');
  clock = testClock();
  audit = recordingAudit();
});

const node = (secrets = [oldSecret], policies = testKeyPolicies) =>
  createKeys({ database, keyRing: createKeyRing(secrets), clock, log, audit, policies });

async function startedNode(): Promise<ReturnType<typeof node>> {
  const keys = node();
  await keys.start();
  return keys;
}

/** A key is published once for each of its algorithms; its id stands before the dot. */
const keyOf = (kid: string) => kid.split('.', 1)[0] ?? '';
const kids = (jwks: readonly { kid: string }[]) => [...new Set(jwks.map(({ kid }) => keyOf(kid)))].sort();
const signer = (keys: ReturnType<typeof node>, kty: string): PrivateJwk => {
  const jwk = keys.service.findSigningKeys().find((candidate) => candidate.kty === kty);
  if (!jwk) throw new Error(`no ${kty} key`);
  return jwk;
};
const states = () => database.sql<{ kid: string; state: string }>('select kid, state from signing_key');
const stateOf = async (kid: string) => (await states()).find((key) => key.kid === kid)?.state;

async function sign(jwk: PrivateJwk, alg: string): Promise<string> {
  return new SignJWT({}).setProtectedHeader({ alg, kid: jwk.kid }).sign(await importJWK(jwk, alg));
}

async function verifies(keys: ReturnType<typeof node>, token: string): Promise<boolean> {
  const find = async ({ kid, alg }: { kid?: string; alg: string }) => {
    const jwk = keys.service.publishedJwks().keys.find((candidate) => candidate.kid === kid);
    if (!jwk) throw new Error('not published');
    return importJWK(jwk, alg);
  };
  return jwtVerify(token, find).then(
    () => true,
    () => false,
  );
}

describe('the first start', () => {
  test('twenty nodes that start together create one set of keys', async () => {
    const nodes = Array.from({ length: 20 }, () => node());
    await Promise.all(nodes.map((keys) => keys.start()));
    expect(await states()).toHaveLength(6);
    expect(new Set(nodes.map((keys) => JSON.stringify(keys.service.publishedJwks()))).size).toBe(1);
    expect(audit.types()).toEqual(['keys.created']);
  });

  test.each([
    ['RSA', 'RS256'],
    ['RSA', 'PS256'],
    ['EC', 'ES256'],
    ['OKP', 'EdDSA'],
    ['OKP', 'Ed25519'],
  ])('the %s key signs %s, and the published half verifies it', async (kty, alg) => {
    const keys = await startedNode();
    expect(await verifies(keys, await sign(signer(keys, kty), alg))).toBe(true);
  });

  test('key identifiers are thumbprints (RFC 7638), and RSA keys have 2048 bits', async () => {
    const keys = await startedNode();
    for (const jwk of keys.service.publishedJwks().keys)
      expect([await calculateJwkThumbprint(jwk), `${await calculateJwkThumbprint(jwk)}.${jwk.alg}`]).toContain(jwk.kid);
    expect(
      createPublicKey({ key: { ...signer(keys, 'RSA') }, format: 'jwk' }).asymmetricKeyDetails?.modulusLength,
    ).toBe(2048);
  });

  test('a later start changes nothing and signs with the same keys', async () => {
    const first = await startedNode();
    const second = await startedNode();
    expect(second.service.findSigningKeys()).toEqual(first.service.findSigningKeys());
    expect(audit.types()).toEqual(['keys.created']);
  });

  test('nothing is signed or published before the keys exist', () => {
    expect(() => node().service.findSigningKeys()).toThrow(expect.objectContaining({ code: 'keys.not_loaded' }));
    expect(() => node().service.publishedJwks()).toThrow(expect.objectContaining({ code: 'keys.not_loaded' }));
  });
});

describe('published keys', () => {
  test('have no private member, in any state (RFC 7518 §6)', async () => {
    const keys = await startedNode();
    await keys.rotation.rotate({}, operator);
    const { keys: published } = keys.service.publishedJwks();
    // Three keys of each family; two families sign with two algorithms.
    expect(published).toHaveLength(15);
    for (const jwk of published) expect(jwk).toMatchObject({ use: 'sig', alg: expect.any(String) as string });
    expect(new Set(published.map(({ kid }) => kid)).size).toBe(15);
    const members = new Set(published.flatMap((jwk) => Object.keys(jwk)));
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(members).not.toContain(member);
  });

  test('leave no private key in clear in the database', async () => {
    const keys = await startedNode();
    const stored = JSON.stringify(await database.sql('select * from signing_key'));
    for (const jwk of keys.service.findSigningKeys()) expect(stored).not.toContain(jwk.d);
  });

  test('a private key that was moved to the row of another one cannot be decrypted', async () => {
    const keys = await startedNode();
    const [one, other] = keys.service.findSigningKeys();
    await database.sql(
      'update signing_key set private_sealed = (select private_sealed from signing_key where kid = $1) where kid = $2',
      [one?.kid, other?.kid],
    );
    await expect(node().start()).rejects.toThrow(SealError);
  });
});

describe('a rotation', () => {
  test('signs with the key that was published before, and signatures of the old one still verify', async () => {
    const keys = await startedNode();
    const old = signer(keys, 'EC');
    const token = await sign(old, 'ES256');
    const announced = kids(keys.service.publishedJwks().keys);

    const { activated, scheduled } = await keys.rotation.rotate({}, operator);
    expect(activated.map(({ family }) => family).sort()).toEqual(['EC', 'OKP', 'RSA']);
    expect(scheduled).toEqual([]);
    expect(signer(keys, 'EC').kid).not.toBe(old.kid);
    expect(announced).toContain(signer(keys, 'EC').kid);
    expect(await verifies(keys, token)).toBe(true);
    expect(audit.types()).toEqual(['keys.created', 'keys.rotated']);
  });

  test('twice within a day is scheduled, and maintenance performs it when relying parties know the key', async () => {
    const keys = await startedNode();
    await keys.rotation.rotate({}, operator);
    const current = signer(keys, 'RSA').kid;
    const { activated, scheduled } = await keys.rotation.rotate({}, operator);
    expect(activated).toEqual([]);
    expect(scheduled).toContainEqual({ family: 'RSA', at: new Date(clock.now().getTime() + DAY) });

    clock.advance(DAY - 1);
    await keys.rotation.maintain();
    expect(signer(keys, 'RSA').kid).toBe(current);
    clock.advance(1);
    await keys.rotation.maintain();
    expect(signer(keys, 'RSA').kid).not.toBe(current);
  });

  test('happens automatically after 90 days, once, also when nodes maintain together', async () => {
    const [one, other] = [await startedNode(), await startedNode()];
    const first = signer(one, 'RSA').kid;
    clock.advance(90 * DAY - 1);
    await one.rotation.maintain();
    expect(signer(one, 'RSA').kid).toBe(first);
    clock.advance(1);
    await Promise.all([one.rotation.maintain(), other.rotation.maintain()]);
    await Promise.all([one.service.refresh(), other.service.refresh()]);
    expect(signer(one, 'RSA').kid).not.toBe(first);
    expect(signer(other, 'RSA').kid).toBe(signer(one, 'RSA').kid);
    expect(await states()).toHaveLength(9);
  });

  test('keeps the old key until an hour after its last token, then deletes its private half', async () => {
    const keys = await startedNode();
    const old = signer(keys, 'OKP');
    const token = await sign(old, 'EdDSA');
    await keys.rotation.rotate({}, operator);
    clock.advance(testKeyPolicy.longestTokenLife + HOUR - 1);
    await keys.rotation.maintain();
    expect(await verifies(keys, token)).toBe(true);
    clock.advance(1);
    expect((await keys.rotation.maintain()).retired).toContain(old.kid);
    expect(await verifies(keys, token)).toBe(false);
    expect(kids(keys.service.findSigningKeys())).not.toContain(old.kid);
    expect(await database.sql('select private_sealed from signing_key where kid = $1', [old.kid])).toEqual([
      { private_sealed: null },
    ]);
  });

  test('lists the current key of each kind first, which the engine signs with', async () => {
    const keys = await startedNode();
    await keys.rotation.rotate({}, operator);
    for (const kty of ['RSA', 'EC', 'OKP']) {
      const order = await Promise.all(
        keys.service
          .findSigningKeys()
          .filter((jwk) => jwk.kty === kty)
          .map(({ kid }) => stateOf(keyOf(kid))),
      );
      expect([...new Set(order)]).toEqual(['current', 'next', 'previous']);
    }
  });
});

describe('an emergency', () => {
  test('replaces every key at once and refuses old signatures', async () => {
    const keys = await startedNode();
    await keys.rotation.rotate({}, operator);
    const before = kids(keys.service.publishedJwks().keys);
    const token = await sign(signer(keys, 'EC'), 'ES256');
    const { retired } = await keys.rotation.rotate({ immediately: true }, operator);
    expect(retired.sort()).toEqual(before);
    expect(await verifies(keys, token)).toBe(false);
    expect(await verifies(keys, await sign(signer(keys, 'EC'), 'ES256'))).toBe(true);
    expect(audit.types().at(-1)).toBe('keys.replaced');
  });

  test('leaves no private half of the old keys in the database', async () => {
    const keys = await startedNode();
    const lost = kids(keys.service.findSigningKeys());
    await keys.rotation.rotate({ immediately: true }, operator);
    const kept = await database.sql<{ kid: string }>('select kid from signing_key where private_sealed is not null');
    expect(kept).toHaveLength(6);
    expect(kept.filter(({ kid }) => lost.includes(kid))).toEqual([]);
  });
});

describe('another node', () => {
  test('follows a rotation by its own look-ups, without a message, and notifies its listeners', async () => {
    const [one, other] = [await startedNode(), await startedNode()];
    const changed = new Promise<void>((resolve) => void other.service.onChange(resolve));
    const stop = other.service.watch(20);
    await one.rotation.rotate({}, operator);
    await changed;
    stop();
    expect(other.service.findSigningKeys()).toEqual(one.service.findSigningKeys());
  });

  test('publishes a key before any node signs with it', async () => {
    const [one, other] = [await startedNode(), await startedNode()];
    await one.rotation.rotate({}, operator);
    // The other node has not looked yet.
    expect(kids(other.service.publishedJwks().keys)).toContain(signer(one, 'RSA').kid);
    expect(kids(one.service.publishedJwks().keys)).toContain(signer(other, 'RSA').kid);
  });

  test('notifies nobody when nothing changed', async () => {
    const keys = await startedNode();
    let calls = 0;
    const stop = keys.service.onChange(() => (calls += 1));
    expect(await keys.service.refresh()).toBe(false);
    await keys.rotation.rotate({}, operator);
    expect(calls).toBe(1);
    stop();
    await keys.rotation.rotate({ immediately: true }, operator);
    expect(calls).toBe(1);
  });

  test('continues with known keys while the database is down', async () => {
    const warnings: unknown[] = [];
    const away = { em: () => database.em(), sql: () => Promise.reject(new Error('connection refused')) };
    const present = await startedNode();
    let isAway = false;
    const keys = createKeys({
      database: { ...database, sql: (text, values) => (isAway ? away.sql() : database.sql(text, values)) },
      keyRing: createKeyRing([oldSecret]),
      clock,
      audit,
      policies: testKeyPolicies,
      log: { info: () => undefined, warn: (line: unknown) => void warnings.push(line) } as never,
    });
    await keys.start();
    isAway = true;
    const stop = keys.service.watch(5);
    await expect.poll(() => warnings.length).toBeGreaterThan(1);
    stop();
    expect(keys.service.findSigningKeys()).toEqual(present.service.findSigningKeys());
  });
});

describe('rotation of the key ring', () => {
  test('after reencryption the old secret can be removed', async () => {
    const before = await startedNode();
    const during = node([newSecret, oldSecret]);
    await during.start();
    expect(await during.service.reencrypt()).toEqual({ checked: 6, changed: 6 });
    const after = node([newSecret]);
    await after.start();
    expect(after.service.findSigningKeys()).toEqual(before.service.findSigningKeys());
  });

  test('an interrupted run is finished by the next one', async () => {
    await startedNode();
    const during = createKeyRing([newSecret, oldSecret]);
    let left = 3;
    const dying = createKeys({
      database,
      clock,
      log,
      audit,
      policies: testKeyPolicies,
      keyRing: {
        ...during,
        seal(text, place) {
          if (left-- === 0) throw new Error('killed');
          return during.seal(text, place);
        },
      },
    });
    await expect(dying.service.reencrypt()).rejects.toThrow('killed');
    expect(await node([newSecret, oldSecret]).service.reencrypt()).toEqual({ checked: 6, changed: 3 });
    await node([newSecret]).start();
  });

  test('a start without the needed secret fails and names its key', async () => {
    await startedNode();
    await expect(node([newSecret]).start()).rejects.toThrow(/No secret of the key ring has the id/);
  });
});

test('larger RSA keys are made when the policy asks for them', async () => {
  const keys = node([oldSecret], policiesWith({ oidc: { keyRsaBits: 3072 } }));
  await keys.start();
  expect(createPrivateKey({ key: { ...signer(keys, 'RSA') }, format: 'jwk' }).asymmetricKeyDetails?.modulusLength).toBe(
    3072,
  );
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { createLog } from '#kernel/log.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { createKeys } from '#oidc/keys/module.ts';
import { keyOperations } from '#oidc/keys/operations.ts';
import { recordingAudit } from '../../support/audit.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { testKeyPolicies } from '../../support/keys.ts';
import { callOperation } from '../../support/operations.ts';

let database: Database;
let call: <T>(name: string, input?: object) => Promise<T>;
type Key = { kid: string; kty: string; state: string };
type Rotation = { activated: Key[]; scheduled: unknown[]; retired: string[] };
const audit = recordingAudit();

beforeAll(async () => {
  database = await openTestDatabase();
  const keys = createKeys({
    database,
    keyRing: createKeyRing(['a-secret-of-the-key-ring-with-32-b']),
    clock: testClock(),
    log: createLog({ level: 'silent' }),
    audit,
    policies: testKeyPolicies,
  });
  await keys.start();
  const bound = bindOperations(keyOperations, { ...keys, sealed: { signing_keys: () => keys.service.reencrypt() } });
  call = (name, input) => callOperation(bound, name, input);
});
afterAll(() => database.close());

test('keys list prints every key, its state and its times, and no secret', async () => {
  const { keys } = await call<{ keys: Key[] }>('keys.list');
  expect(keys.map(({ kty, state }) => `${kty} ${state}`).sort()).toEqual([
    'EC current',
    'EC next',
    'OKP current',
    'OKP next',
    'RSA current',
    'RSA next',
  ]);
  expect(keys[0]).toMatchObject({ created_at: '2030-01-01T00:00:00.000Z', replaced_at: null });
  expect(JSON.stringify(keys)).not.toMatch(/"d"|sealed|lk1\./);
});

test('keys rotate swaps the keys, then prints when the next swap is possible, and records the operator', async () => {
  const first = await call<Rotation>('keys.rotate');
  expect(first.activated.map(({ kty }) => kty).sort()).toEqual(['EC', 'OKP', 'RSA']);
  const second = await call<Rotation>('keys.rotate', {});
  expect(second).toMatchObject({ activated: [], retired: [] });
  expect(second.scheduled).toContainEqual({ kty: 'RSA', at: '2030-01-02T00:00:00.000Z' });
  expect(audit.events.at(-1)).toMatchObject({ type: 'keys.rotation_scheduled', actor: { type: 'operator' } });
});

test('keys rotate immediately retires all existing keys', async () => {
  const { keys: before } = await call<{ keys: Key[] }>('keys.list');
  const { retired } = await call<Rotation>('keys.rotate', { immediately: true });
  expect(retired.sort()).toEqual(before.map(({ kid }) => kid).sort());
});

test('keys reencrypt reports each kind of secret by its name', async () => {
  expect(await call('keys.reencrypt')).toEqual({ reencrypted: { signing_keys: { checked: 6, changed: 0 } } });
});

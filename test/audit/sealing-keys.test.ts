import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { anyEvent, openProvedAudit } from '../support/audit.ts';
import { openTestDatabase } from '../support/database.ts';

const [first, second] = ['the first secret of this installation 1', 'the second secret of this installation 2'];

let database: Database;
beforeEach(async () => {
  database = await openTestDatabase();
});
afterEach(() => database.close());

async function sealOne(...secrets: string[]) {
  const audit = await openProvedAudit({ clock: systemClock, database, keyRing: createKeyRing(secrets) });
  await audit.log.note({ type: anyEvent('act'), actor: { type: 'system' } });
  await audit.sealer.seal();
  return audit;
}

test('a chain continues under the key of a new secret, and verifies after the old secret left the ring', async () => {
  await sealOne(first);
  await sealOne(first);
  const { sealingKeys } = await sealOne(second, first);
  expect(await database.sql('select 1 from audit_seal group by key_id')).toHaveLength(2);
  expect(await sealingKeys.reencrypt()).toEqual({ checked: 2, changed: 1 });
  expect(await sealingKeys.reencrypt()).toEqual({ checked: 2, changed: 0 });
  const { verifier } = await sealOne(second);
  expect(await verifier.verify()).toMatchObject({ intact: true, events: 4 });
});

test('nodes seal one chain while only one of them has the new secret', async () => {
  for (const secrets of [[first], [second, first], [first, second], [second, first]]) await sealOne(...secrets);
  const { verifier } = await sealOne(first, second);
  expect(await verifier.verify()).toMatchObject({ intact: true, events: 5 });
});

test('a secret that leaves the ring before reencryption makes its seals unverifiable', async () => {
  await sealOne(first);
  const { verifier } = await sealOne(second);
  expect(await verifier.verify()).toMatchObject({
    intact: false,
    problems: [{ sequence: '1', problem: expect.stringMatching(/key .* is not known/) as unknown }],
  });
});

test('keys are stored encrypted, each for its own place', async () => {
  await sealOne(first);
  await sealOne(second, first);
  await database.sql(`update audit_seal_key a set sealed = b.sealed from audit_seal_key b where a.id <> b.id`);
  const { verifier } = await sealOne(second);
  expect(await verifier.verify()).toMatchObject({ intact: false, problems: [{ sequence: '1' }] });
});

import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { createKeyRing, type KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { bindOperations } from '#kernel/operations/bound-operation.ts';
import { createSamlKeys, type SamlKeyService } from '#saml/keys/module.ts';
import { samlKeyOperations } from '#saml/keys/operations.ts';
import { recordingAudit } from '../../support/audit.ts';
import { testClock } from '../../support/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { callOperation } from '../../support/operations.ts';

type Key = { id: string; use: string; state: string; ends_at: string | null };
type Changes = { activated: string[]; created: string[]; retired: string[] };

const secret = 'a-secret-of-the-key-ring-with-32-b';
const clock = testClock();
const audit = recordingAudit();
let database: Database;
let nodes: ReturnType<typeof createSamlKeys>[];
let service: SamlKeyService;

/** A node of its own: it learns of changes by the message of the other, as over Redis. */
function nodeWith(keyRing: KeyRing): ReturnType<typeof createSamlKeys> {
  return createSamlKeys({
    database,
    clock,
    audit,
    keyRing,
    issuerUrl: new URL('https://id.example/tenant'),
    invalidation: {
      publish: async () => nodes.forEach((node) => node.service.forget()),
      subscribe: () => undefined,
    },
  });
}

const operation = <T>(name: string, input: object = {}): Promise<T> =>
  callOperation(bindOperations(samlKeyOperations, nodes[0]!), name, input);
const listed = async (): Promise<Key[]> => (await operation<{ keys: Key[] }>('saml.keys.list')).keys;
const states = async (): Promise<string[]> => (await listed()).map(({ use, state }) => `${use} ${state}`).sort();
const maintain = () => nodes[0]!.rollOver.maintain();
const first = ['encryption current', 'encryption next', 'signing current', 'signing next'];

beforeAll(async () => {
  database = await openTestDatabase();
  nodes = [nodeWith(createKeyRing([secret])), nodeWith(createKeyRing([secret]))];
  service = nodes[0]!.service;
});
afterAll(() => database.close());

describe('keys for SAML', () => {
  test('are made when two nodes need them first, and both have the same', async () => {
    expect(audit.types()).toEqual([]);
    const found = await Promise.all(nodes.flatMap((node) => [node.service.signingKey(), node.service.signingKey()]));
    expect(new Set(found.map(({ certificate }) => certificate)).size).toBe(1);
    expect(await states()).toEqual(first);
    expect(new Set(audit.types())).toEqual(new Set(['saml_keys.created']));
    expect(audit.events.flatMap(({ details }) => (details as Changes).created)).toHaveLength(first.length);
  });

  test('have self-signed certificates, and are kept encrypted', async () => {
    const { privateKey, certificate } = await service.signingKey();
    const read = new X509Certificate(certificate);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.subject).toBe('CN=SAML signing id.example');
    expect(read.publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
    expect(new Date(read.validTo).getTime() - clock.now().getTime()).toBeGreaterThan(4 * 365 * DAY);
    const kept = await database.sql('select * from saml_key');
    expect(JSON.stringify(kept)).not.toContain(privateKey.split('\n')[1]);
    expect(JSON.stringify(await listed())).not.toMatch(/PRIVATE|lk1\./);
  });

  test('are published in pairs, and decrypt in pairs', async () => {
    const { signing, encryption } = await service.published();
    expect([signing.length, encryption.length, (await service.decryptionKeys()).length]).toEqual([2, 2, 2]);
    expect(signing[0]).toBe((await service.signingKey()).certificate);
    const ends = await service.certificateEnds();
    expect(ends.map(({ use }) => use).sort()).toEqual(['encryption', 'signing']);
    for (const { endsAt } of ends) expect(endsAt.getTime() - clock.now().getTime()).toBeLessThanOrEqual(730 * DAY);
  });

  test('roll over by an operation: the next one signs, the one before decrypts', async () => {
    const before = await service.published();
    const changes = await operation<Changes>('saml.keys.rotate', { use: 'signing' });
    expect([changes.activated.length, changes.created.length, changes.retired.length]).toEqual([1, 1, 0]);
    const after = await nodes[1]!.service.published();
    expect(after.signing[0]).toBe(before.signing[1]);
    expect(after.encryption).toEqual(before.encryption);
    await operation('saml.keys.rotate', { use: 'encryption' });
    expect(await nodes[1]!.service.decryptionKeys()).toHaveLength(3);
    expect(audit.events.at(-1)).toMatchObject({ type: 'saml_keys.rotated', actor: { type: 'operator' } });
    clock.advance(31 * DAY);
    await maintain();
    expect(audit.types().at(-1)).toBe('saml_keys.retired');
    expect(await states()).toEqual(['encryption retired', 'signing retired', ...first].sort());
    expect(await service.decryptionKeys()).toHaveLength(2);
  });

  test('are replaced by two callers at once only once', async () => {
    const before = await service.published();
    const [{ id } = { id: '' }] = (await listed()).filter(({ use, state }) => use === 'signing' && state === 'next');
    const done = await Promise.all(
      nodes.map((node) => node.rollOver.rotate({ use: 'signing' }, { actor: { type: 'operator' } })),
    );
    expect(done.map(({ activated }) => activated)).toContainEqual([id]);
    expect((await states()).filter((state) => !state.endsWith('retired') && state !== 'signing previous')).toEqual(
      first,
    );
    expect((await service.published()).signing).not.toEqual(before.signing);
  });

  test('warn 30, 7 and 1 days before their end, once, and are replaced by the job', async () => {
    // All keys in use from the same moment.
    await operation('saml.keys.rotate');
    const { signing } = await service.published();
    const end = new Date((await listed()).find(({ state }) => state === 'current')!.ends_at!);
    const seen = audit.events.length;
    const warnings = () =>
      audit.events
        .slice(seen)
        .filter(({ type }) => type === 'saml_keys.replacement_announced')
        .map(({ details }) => (details as { days: number }).days);
    for (const [days, expected] of [
      [31, []],
      [30, [30, 30]],
      [29, [30, 30]],
      [6, [30, 30, 7, 7]],
      [1, [30, 30, 7, 7, 1, 1]],
    ] as const) {
      clock.advance(end.getTime() - days * DAY - clock.now().getTime());
      await maintain();
      expect(warnings()).toEqual(expected);
    }
    expect((await service.published()).signing).toEqual(signing);
    clock.advance(DAY);
    await maintain();
    expect(audit.types().at(-1)).toBe('saml_keys.rotated');
    expect((await service.published()).signing[0]).toBe(signing[1]);
  });

  test('are all replaced at once after a compromise', async () => {
    const before = await service.published();
    const { retired, created } = await operation<Changes>('saml.keys.rotate', { immediately: true });
    expect([retired.length, created.length]).toEqual([6, 4]);
    const after = await nodes[1]!.service.published();
    expect(
      [...after.signing, ...after.encryption].filter((each) =>
        [...before.signing, ...before.encryption].includes(each),
      ),
    ).toEqual([]);
    expect(await nodes[1]!.service.decryptionKeys()).toHaveLength(2);
    expect(audit.events.at(-1)).toMatchObject({ type: 'saml_keys.replaced', actor: { type: 'operator' } });
  });

  test('are encrypted again under a new secret', async () => {
    const node = nodeWith(createKeyRing(['another-secret-of-the-ring-of-32b', secret]));
    const key = await service.signingKey();
    expect(await node.service.reencrypt()).toEqual({ checked: 4, changed: 4 });
    expect(await node.service.reencrypt()).toEqual({ checked: 4, changed: 0 });
    expect(await node.service.signingKey()).toEqual(key);
  });
});

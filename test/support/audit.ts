import { z } from 'zod';
import { type AuditEvent, type AuditLog, createAudit, createAuditProofs, eventType } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { createKeyRing, type KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { generateSigningKey, publicHalf, type StoredJwk } from '#oidc/keys/key-material.ts';
import { testSecrets } from './app.ts';
import { assertDetails } from './event-details.ts';

/** A type of events that is in no catalogue and takes any details, for what does not depend on them. */
export const anyEvent = (name: string) =>
  eventType({
    name,
    text: 'Something happened.',
    details: z.looseObject({}),
    audience: ['operator'],
    gravity: 'info',
    webhook: false,
  });

/** An event as tests look at it: by the name of its type. */
type Recorded = Omit<AuditEvent, 'type'> & { type: string };

type SigningJwk = StoredJwk & { alg: string };

/** An audit log that keeps what it is given, to look at. */
export function recordingAudit() {
  const events: Recorded[] = [];
  return {
    events,
    types: () => events.map((event) => event.type),
    async record(_em: unknown, event: AuditEvent): Promise<void> {
      assertDetails(event);
      events.push({ ...event, type: event.type.name });
    },
    async note(event: AuditEvent): Promise<void> {
      assertDetails(event);
      events.push({ ...event, type: event.type.name });
    },
  } satisfies { record: AuditLog['record'] } & Record<string, unknown>;
}

type Given = { clock: Clock; database: Database; keyRing?: KeyRing };
type Told = { onInfo?: (fields: object) => void; onError?: (fields: object) => void };

/** The audit slice on a database of its own; its sealer works when it is told to. */
export function openAudit({
  clock,
  database,
  keyRing = createKeyRing([testSecrets]),
  onInfo = () => undefined,
  onError = () => undefined,
}: Given & Told) {
  const log = { info: onInfo, warn: () => undefined, error: onError } as never;
  return createAudit({ clock, database, keyRing, log });
}

/** The same with what proves the record, and with a key of its own for checkpoints. */
export async function openProvedAudit({
  issuer = 'https://id.example.com',
  file,
  key,
  ...given
}: Given & Told & { issuer?: string; file?: string; key?: SigningJwk }) {
  const audit = openAudit(given);
  const signing = key ?? { ...(await generateSigningKey('EC', 2048)), alg: 'ES256' };
  const { clock, database, onInfo = () => undefined } = given;
  const proofs = createAuditProofs({
    clock,
    database,
    log: { info: onInfo } as never,
    audit: audit.log,
    sealingKeys: audit.sealingKeys,
    keys: {
      findSigningKeys: () => [signing],
      findPublicJwk: async (kid) => (kid === signing.kid ? publicHalf(signing) : null),
    },
    issuer,
    file,
  });
  return { ...audit, ...proofs, key: signing };
}

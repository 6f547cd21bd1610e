import { type AuditLog, byClient } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { equalSecrets, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { newId } from '#kernel/ids.ts';
import { changesBetween } from './changes.ts';
import { Client, takeClient } from './client.ts';
import { clientMetadataSchema, type GivenMetadata } from './client-metadata.ts';
import { ClientSecret, secretNeed } from './client-secret.ts';
import type { ClientSecrets } from './client-secrets.ts';
import { visible } from './client-wire.ts';
import { typeOfRegistered } from './client-type.ts';
import { clientManaged, metadataInvalid } from './errors.ts';
import type { ReadMetadata } from './metadata-rules.ts';
import { objectionToStrangersName } from './shown-name.ts';
import { clientChanged, clientDeleted, clientRegistered } from './events.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  secrets: Pick<ClientSecrets, 'issue' | 'settle'>;
  readMetadata: ReadMetadata;
  changed: (clientId: string) => Promise<void>;
};

type Registration = { clientId: string; name: string; secret: string | undefined; metadata: GivenMetadata };

/** Decided by the operator alone; a registration that names one is refused, not trimmed. */
const ours = [
  'first_party',
  'type',
  'profile',
  'apis',
  'disabled',
  'registered',
  'skip_consent',
  'tenant',
  'organization',
];

/** Dynamic registration (RFC 7591) and its management (RFC 7592): what the engine stores and deletes. */
export class RegisteredClients {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /**
   * Adds or replaces a client that registered itself, validated in full each time. Decisions of the operator about it
   * stay. Throws clients.metadata_invalid, clients.not_registered for a client that an operator created.
   */
  async saveRegistered(given: Readonly<Record<string, unknown>>): Promise<void> {
    const registration = readRegistration(given);
    const by = byClient(registration.clientId);
    await this.#deps.database.transaction(async (em) => {
      const known = (await em.count(Client, { clientId: registration.clientId })) > 0;
      const client = known ? await takeClient(em, registration.clientId) : this.#add(em, registration);
      if (!client.registered) throw clientManaged();
      const before = visible(client);
      if (known) this.#replace(client, registration);
      await em.flush();
      await this.#settleSecret(em, client, registration.secret);
      const after = visible(client);
      const about = { ...by, subject: { type: 'client', id: client.clientId }, clientId: client.clientId };
      await this.#deps.audit.record(
        em,
        known
          ? clientChanged({ ...about, details: changesBetween(before, after) })
          : clientRegistered({ ...about, details: { after } }),
      );
    });
    await this.#deps.changed(registration.clientId);
  }

  /** Deletes a client that registered itself (RFC 7592 §2.3). Throws clients.not_found, clients.not_registered. */
  async removeRegistered(clientId: string): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      const client = await takeClient(em, clientId);
      if (!client.registered) throw clientManaged();
      const actor = { type: 'client', id: clientId } as const;
      await this.#deps.audit.record(
        em,
        clientDeleted({
          actor,
          subject: { type: 'client', id: clientId },
          clientId,
          details: { before: visible(client) },
        }),
      );
      em.remove(client);
      await em.flush();
    });
    await this.#deps.changed(clientId);
  }

  #add(em: EntityManager, { clientId, name, metadata }: Registration): Client {
    const now = this.#deps.clock.now();
    const type = typeOfRegistered(metadata);
    const profile = 'default';
    const read = this.#deps.readMetadata(type, profile, metadata);
    return em.create(Client, {
      id: newId('client'),
      clientId,
      name,
      type,
      profile,
      firstParty: false,
      disabled: false,
      registered: true,
      metadata: read,
      apis: {},
      createdAt: now,
      updatedAt: now,
    });
  }

  #replace(client: Client, { name, metadata }: Registration): void {
    client.type = typeOfRegistered(metadata);
    const read = this.#deps.readMetadata(client.type, client.profile, metadata, client.metadata);
    client.metadata = read;
    client.name = name;
    client.updatedAt = this.#deps.clock.now();
  }

  /** The engine makes the first secret and hands the known one back with each update. */
  async #settleSecret(em: EntityManager, client: Client, secret: string | undefined): Promise<void> {
    if (secretNeed(client) === 'none' || secret === undefined) {
      await this.#deps.secrets.settle(em, client);
      return;
    }
    const known = await em.find(ClientSecret, { client: client.id });
    if (!known.some((one) => equalSecrets(Buffer.from(one.hash), sha256(secret))))
      await this.#deps.secrets.issue(em, client, { secret });
    await this.#deps.secrets.settle(em, client);
  }
}

function readRegistration(given: Readonly<Record<string, unknown>>): Registration {
  const refused = ours.filter((member) => given[member] !== undefined);
  if (refused.length > 0)
    throw metadataInvalid(Object.fromEntries(refused.map((member) => [member, 'cannot be registered'])));
  const { client_id: clientId, client_name: name, client_secret: secret } = given;
  if (typeof clientId !== 'string') throw metadataInvalid({ client_id: 'must be given' });
  if (name !== undefined && typeof name !== 'string') throw metadataInvalid({ client_name: 'must be text' });
  const objection = name === undefined ? null : objectionToStrangersName(name);
  if (objection) throw metadataInvalid({ client_name: objection });
  // RFC 7591 §2: members that are not understood are ignored.
  const metadata = Object.fromEntries(
    Object.entries(given).filter(
      ([member, value]) => Object.hasOwn(clientMetadataSchema.shape, member) && value !== undefined && value !== null,
    ),
  );
  return {
    clientId,
    name: name ?? clientId,
    secret: typeof secret === 'string' ? secret : undefined,
    metadata: metadata,
  };
}

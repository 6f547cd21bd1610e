import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, SECOND, MINUTE } from '#kernel/clock.ts';
import { type KeyRing, randomSecret, sha256, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId } from '#kernel/ids.ts';
import { type Client, takeClient } from './client.ts';
import type { ClientRights } from './client-rights.ts';
import { ClientSecret, type ClientSecretId, sealPlace, secretNeed } from './client-secret.ts';
import { lastSecret, secretNotFound, secretNotUsed, tooManySecrets } from './errors.ts';
import { MOST_VALID_SECRETS } from './limits.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import { clientSecretAdded, clientSecretRemoved, clientSecretRotated } from './events.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'em' | 'sql' | 'transaction'>;
  keyRing: KeyRing;
  audit: Pick<AuditLog, 'record'>;
  rights: Pick<ClientRights, 'requireOver'>;
  /** After a change was committed. */
  changed: (clientId: string) => Promise<void>;
};

type IssuedSecret = { id: ClientSecretId; secret: string; expiresAt: Date | null };

/** Lets secret scanners know a client secret of ours when they see one. */
const PREFIX = 'lk_cs_';

/** Secrets of clients: made here, shown once, kept as a hash, and also sealed only where they are keys. */
export class ClientSecrets {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Secrets that are valid now, newest first. */
  async list(client: Pick<Client, 'id'>): Promise<ClientSecret[]> {
    return this.#valid(this.#deps.database.em(), client);
  }

  /** Adds a second secret. Throws clients.too_many_secrets, clients.secret_not_used. */
  async add(
    clientId: string,
    { expiresInSeconds }: { expiresInSeconds?: number | undefined },
    by: By,
  ): Promise<IssuedSecret> {
    return this.#change(clientId, clientSecretAdded, by, async (em, client) => {
      if ((await this.#valid(em, client)).length >= MOST_VALID_SECRETS) throw tooManySecrets();
      return this.issue(em, client, { expiresAt: expiresInSeconds === undefined ? null : this.#in(expiresInSeconds) });
    });
  }

  /** A new secret at once; the newest of the old ones stays valid for `overlapSeconds`, all others end now. */
  async rotate(clientId: string, { overlapSeconds }: { overlapSeconds: number }, by: By): Promise<IssuedSecret> {
    return this.#change(clientId, clientSecretRotated, by, async (em, client) => {
      const [newest, ...older] = await this.#valid(em, client);
      const until = this.#in(overlapSeconds);
      for (const secret of older) em.remove(secret);
      if (newest && overlapSeconds === 0) em.remove(newest);
      else if (newest && (!newest.expiresAt || newest.expiresAt > until)) newest.expiresAt = until;
      return this.issue(em, client, {});
    });
  }

  /** Ends a secret now. Throws clients.last_secret for the only one: the client could not sign in any more. */
  async remove(clientId: string, id: ClientSecretId, by: By): Promise<void> {
    await this.#change(clientId, clientSecretRemoved, by, async (em, client) => {
      const secrets = await this.#valid(em, client);
      const secret = secrets.find((candidate) => candidate.id === id);
      if (!secret) throw secretNotFound();
      if (secrets.length === 1) throw lastSecret();
      em.remove(secret);
      return { id, secret: '', expiresAt: null };
    });
  }

  /** Stores a secret in the caller's transaction; one that is given is kept, else one is made. */
  async issue(
    em: EntityManager,
    client: Client,
    { secret = PREFIX + randomSecret(), expiresAt = null }: { secret?: string | undefined; expiresAt?: Date | null },
  ): Promise<IssuedSecret> {
    const need = secretNeed(client);
    if (need === 'none') throw secretNotUsed();
    const id = newId('csec');
    em.create(ClientSecret, {
      id,
      client: client.id,
      hash: sha256(secret),
      sealed: need === 'plain' ? this.#deps.keyRing.seal(secret, sealPlace(id)) : null,
      createdAt: this.#deps.clock.now(),
      expiresAt,
    });
    await em.flush();
    return { id, secret, expiresAt };
  }

  /**
   * Brings the secrets in line with what the metadata say now, in the caller's transaction: ends them where none is
   * used, forgets the plain ones where a hash is enough, and makes one where there is none that would do.
   */
  async settle(em: EntityManager, client: Client): Promise<IssuedSecret | undefined> {
    const secrets = await this.#valid(em, client);
    switch (secretNeed(client)) {
      case 'none':
        for (const secret of secrets) em.remove(secret);
        break;
      case 'hash':
        for (const secret of secrets) secret.sealed = null;
        if (secrets.length === 0) return this.issue(em, client, {});
        break;
      case 'plain':
        if (secrets[0]?.sealed) break;
        // A hash cannot be turned back into the key, so the old ones end here.
        for (const secret of secrets) em.remove(secret);
        return this.issue(em, client, {});
    }
    await em.flush();
    return undefined;
  }

  /** Seals every kept secret under the first secret of the ring. May be broken off and called again. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ id: string }>(this.#deps, {
      table: 'client_secret',
      column: 'sealed',
      key: ['id'],
      place: ({ id }) => sealPlace(fromUuid('csec', id)),
    });
  }

  /** Deletes expired secrets. */
  async purge(): Promise<number> {
    return (
      await this.#deps.database.sql('delete from client_secret where expires_at <= $1 returning id', [
        this.#deps.clock.now(),
      ])
    ).length;
  }

  async #change(
    clientId: string,
    type: typeof clientSecretAdded,
    by: By,
    work: (em: EntityManager, client: Client) => Promise<IssuedSecret>,
  ): Promise<IssuedSecret> {
    const issued = await this.#deps.database.transaction(async (em) => {
      const client = await takeClient(em, clientId);
      this.#deps.rights.requireOver(client, by);
      if (secretNeed(client) === 'none') throw secretNotUsed();
      const done = await work(em, client);
      await em.flush();
      await this.#deps.audit.record(
        em,
        type({
          ...by,
          subject: { type: 'client', id: client.clientId },
          clientId,
          details: { secret_id: done.id, expires_at: done.expiresAt?.toISOString() ?? null },
        }),
      );
      return done;
    });
    await this.#deps.changed(clientId);
    return issued;
  }

  async #valid(em: EntityManager, client: Pick<Client, 'id'>): Promise<ClientSecret[]> {
    const now = this.#deps.clock.now();
    return em.find(
      ClientSecret,
      { client: client.id, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] },
      { orderBy: { createdAt: 'desc', id: 'desc' } },
    );
  }

  #in(seconds: number): Date {
    return new Date(this.#deps.clock.now().getTime() + seconds * SECOND);
  }
}

/** The job that deletes secrets of clients that have expired; they were refused from that moment on. */
export function purgeExpiredSecrets(secrets: Pick<ClientSecrets, 'purge'>): JobDefinition {
  return {
    schedule: '17 * * * *',
    retries: 1,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: MINUTE,
    handler: async () => void (await secrets.purge()),
  };
}

import { type AuditLog, type By, system } from '#audit/module.ts';
import { type Clock, DAY } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import {
  samlKeysReplacementAnnounced,
  samlKeysCreated,
  samlKeysReplaced,
  samlKeysRetired,
  samlKeysRotated,
} from './events.ts';
import { type MadeKey, makeKey } from './key-making.ts';
import { DECRYPTION_AFTER_USE, REPLACED_BEFORE, WARNING_DAYS } from './lifetimes.ts';
import { endOfUse, type KeyState, type KeyUse, keyUses } from './key-uses.ts';
import { SamlKey, sealPlace } from './saml-key.ts';

type Dependencies = {
  database: Pick<Database, 'em' | 'transaction'>;
  keyRing: KeyRing;
  clock: Clock;
  audit: Pick<AuditLog, 'record'>;
  /** The host of the issuer, for the name in the certificates. */
  host: string;
  /** After a change was committed: tells this process and the other nodes. */
  changed: () => Promise<void>;
};

/** Fingerprints of certificates. */
type KeyChanges = { created: string[]; activated: string[]; retired: string[] };

const none = (): KeyChanges => ({ created: [], activated: [], retired: [] });

/** Changes of the set of keys. Of several nodes that try at once, one does it. */
export class KeyRollOver {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Makes the keys that are missing: of each use one that is used and one that will follow it. Keys of another node stay. */
  async createFirst(): Promise<void> {
    const present = await this.#deps.database.em().find(SamlKey, { state: ['current', 'next'] });
    const wanted = keyUses
      .flatMap((use) => (['current', 'next'] as const).map((state) => ({ use, state })))
      .filter((each) => !present.some(({ use, state }) => use === each.use && state === each.state));
    if (wanted.length === 0) return;
    const made = await Promise.all(wanted.map(async (each) => ({ ...each, key: await this.#make(each.use) })));
    await this.#change(samlKeysCreated, system, async (em, changes) => {
      for (const { use, state, key } of made) await this.#insert(em, use, state, key, changes);
    });
  }

  /**
   * Puts the next keys into use and makes the ones that follow. `immediately` is for a compromise: all keys are replaced, and the private
   * ones removed.
   */
  async rotate(
    { use, immediately = false }: { use?: KeyUse | undefined; immediately?: boolean | undefined },
    by: By,
  ): Promise<KeyChanges> {
    await this.createFirst();
    const uses = use === undefined ? keyUses : [use];
    const present = await this.#deps.database.em().find(SamlKey, { use: [...uses], state: 'current' });
    return immediately ? this.#replaceAll(uses, by) : this.#advance(present, by);
  }

  /** Replaces the keys that are due, removes private keys that were replaced long ago, and warns of keys that end soon. */
  async maintain(): Promise<void> {
    const { database, clock } = this.#deps;
    const now = clock.now().getTime();
    const keys = await database.em().find(SamlKey, { state: ['current', 'previous'] });
    const current = keys.filter(({ state }) => state === 'current');
    const due = current.filter((key) => endOfUse(key).getTime() - REPLACED_BEFORE <= now);
    await this.#advance(due, system);
    await this.#retire(
      keys.filter(({ replacedAt }) => replacedAt && replacedAt.getTime() + DECRYPTION_AFTER_USE <= now),
    );
    for (const key of current.filter((each) => !due.includes(each))) await this.#warn(key);
  }

  /** Each key is named, so that a second caller changes nothing. */
  async #advance(present: readonly SamlKey[], by: By): Promise<KeyChanges> {
    if (present.length === 0) return none();
    const made = await Promise.all(present.map(async ({ id, use }) => ({ id, use, key: await this.#make(use) })));
    return this.#change(samlKeysRotated, by, async (em, changes) => {
      const now = this.#deps.clock.now();
      for (const { id, use, key } of made) {
        const replaced = await em.execute<unknown[]>(
          `update saml_key set state = 'previous', replaced_at = ? where id = ? and state = 'current' returning id`,
          [now, id],
        );
        if (replaced.length === 0) continue;
        const activated = await em.execute<{ id: string }[]>(
          `update saml_key set state = 'current', activated_at = ? where use = ? and state = 'next' returning id`,
          [now, use],
        );
        changes.activated.push(...activated.map((each) => each.id));
        await this.#insert(em, use, 'next', key, changes);
      }
    });
  }

  async #replaceAll(uses: readonly KeyUse[], by: By): Promise<KeyChanges> {
    const made = await Promise.all(
      uses.map(async (use) => ({ use, current: await this.#make(use), next: await this.#make(use) })),
    );
    return this.#change(samlKeysReplaced, by, async (em, changes) => {
      for (const { use, current, next } of made) {
        const retired = await em.execute<{ id: string }[]>(
          `update saml_key set state = 'retired', private_sealed = null, replaced_at = coalesce(replaced_at, ?)
           where use = ? and state <> 'retired' returning id`,
          [this.#deps.clock.now(), use],
        );
        changes.retired.push(...retired.map(({ id }) => id));
        changes.activated.push(...(await this.#insert(em, use, 'current', current, changes)));
        await this.#insert(em, use, 'next', next, changes);
      }
    });
  }

  async #retire(keys: readonly SamlKey[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#change(samlKeysRetired, system, async (em, changes) => {
      for (const { id } of keys) {
        const rows = await em.execute<{ id: string }[]>(
          `update saml_key set state = 'retired', private_sealed = null where id = ? and state = 'previous' returning id`,
          [id],
        );
        changes.retired.push(...rows.map((row) => row.id));
      }
    });
  }

  /** Once for each number of days, on one node. */
  async #warn(key: SamlKey): Promise<void> {
    const { database, clock, audit } = this.#deps;
    const end = endOfUse(key);
    const left = (end.getTime() - clock.now().getTime()) / DAY;
    const days = WARNING_DAYS.findLast((each) => left <= each);
    if (days === undefined || (key.warnedDays ?? Infinity) <= days) return;
    await database.transaction(async (em) => {
      const told = await em.execute<unknown[]>(
        'update saml_key set warned_days = ? where id = ? and (warned_days is null or warned_days > ?) returning id',
        [days, key.id, days],
      );
      if (told.length === 0) return;
      const details = { use: key.use, certificate: key.id, days, at: end.toISOString() };
      await audit.record(
        em,
        samlKeysReplacementAnnounced({ ...system, subject: { type: 'saml_keys', id: 'instance' }, details }),
      );
    });
  }

  /** One conditional write: where a key of this use and state exists, nothing happens. */
  async #insert(
    em: EntityManager,
    use: KeyUse,
    state: KeyState,
    { id, certificate, privateKey }: MadeKey,
    changes: KeyChanges,
  ): Promise<string[]> {
    const now = this.#deps.clock.now();
    const rows = await em.execute<{ id: string }[]>(
      `insert into saml_key (id, use, state, certificate, private_sealed, created_at, activated_at)
       values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing returning id`,
      [
        id,
        use,
        state,
        certificate,
        this.#deps.keyRing.seal(privateKey, sealPlace(id)),
        now,
        state === 'current' ? now : null,
      ],
    );
    const created = rows.map((row) => row.id);
    changes.created.push(...created);
    return created;
  }

  /** Records what was changed, in the same transaction; nothing where another node was faster. */
  async #change(
    type: typeof samlKeysRotated,
    by: By,
    work: (em: EntityManager, changes: KeyChanges) => Promise<void>,
  ): Promise<KeyChanges> {
    const changes = none();
    await this.#deps.database.transaction(async (em) => {
      await work(em, changes);
      if (Object.values(changes).every((ids) => ids.length === 0)) return;
      await this.#deps.audit.record(
        em,
        type({ ...by, subject: { type: 'saml_keys', id: 'instance' }, details: changes }),
      );
    });
    await this.#deps.changed();
    return changes;
  }

  #make(use: KeyUse): Promise<MadeKey> {
    return makeKey(use, this.#deps.host, this.#deps.clock.now());
  }
}

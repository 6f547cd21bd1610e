import { type AuditLog, type By, system } from '#audit/module.ts';
import { type Clock, MINUTE, SECOND } from '#kernel/clock.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import type { Policies } from '#settings/module.ts';
import { keysCreated, keysReplaced, keysRetired, keysRotated, keysRotationScheduled } from './events.ts';
import { type KeyFamily, generateSigningKey, publicHalf, type StoredJwk } from './key-material.ts';
import { type KeyPlan, planRotation, type RotationRequest } from './key-plan.ts';
import { keyPolicy } from './key-policy.ts';
import { sealPlace, SigningKey } from './signing-key.ts';
import type { JobDefinition } from '#kernel/jobs.ts';

type Dependencies = {
  database: Pick<Database, 'em' | 'transaction'>;
  keyRing: KeyRing;
  clock: Clock;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc' | 'session'>;
  /** After a change was committed: tells this process and the other nodes. */
  changed: () => Promise<void>;
};

type Rotation = {
  /** The keys that sign from now on. */
  activated: { kid: string; family: KeyFamily }[];
  /** Families whose next key has not been published for long enough; it takes over at `at`. */
  scheduled: { family: KeyFamily; at: Date }[];
  retired: string[];
};

/** Any number that no other advisory lock of ours uses: "signkeys" as ASCII. */
const KEYS_LOCK = '8316003075890641267';

const nothing: Rotation = { activated: [], scheduled: [], retired: [] };

/** Changes of the set of keys. However many nodes try at once, one does it and the others find it done. */
export class KeyRotation {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Makes what is missing, rotates what is due, retires what has expired. Cheap when there is nothing to do. */
  maintain(): Promise<Rotation> {
    return this.#carryOut('due', system);
  }

  /**
   * Puts the next keys into use; old ones stay published until their last token has expired. A next key that was
   * published too recently is scheduled instead. `immediately` is for a compromise: every key is replaced at once by
   * a new one, and what the old ones signed is refused.
   */
  rotate({ immediately = false }: { immediately?: boolean | undefined }, by: By): Promise<Rotation> {
    return this.#carryOut(immediately ? 'emergency' : 'next', by);
  }

  async #carryOut(request: RotationRequest, by: By): Promise<Rotation> {
    const { database } = this.#deps;
    // RSA keys take a while to create, so they are created before the lock is taken.
    const prepared = new Map<KeyFamily, StoredJwk[]>();
    for (;;) {
      const expected = await this.#plan(database.em(), request);
      if (isEmpty(expected)) return nothing;
      await this.#prepare(prepared, expected);
      const done = await database.transaction(async (em) => {
        await em.execute('select pg_advisory_xact_lock(?::bigint)', [KEYS_LOCK]);
        const plan = await this.#plan(em, request);
        if (isEmpty(plan)) return nothing;
        return shortage(prepared, plan).length > 0 ? null : this.#apply(em, plan, prepared, by);
      });
      if (done) {
        await this.#deps.changed();
        return done;
      }
    }
  }

  async #plan(em: EntityManager, request: RotationRequest): Promise<KeyPlan> {
    const keys = await em.find(SigningKey, { state: { $ne: 'retired' } });
    return planRotation(keys, request, keyPolicy(this.#deps.policies), this.#deps.clock.now());
  }

  async #prepare(prepared: Map<KeyFamily, StoredJwk[]>, plan: KeyPlan): Promise<void> {
    const { rsaBits } = keyPolicy(this.#deps.policies);
    const made = await Promise.all(
      shortage(prepared, plan).map(async (family) => ({ family, jwk: await generateSigningKey(family, rsaBits) })),
    );
    for (const { family, jwk } of made) prepared.set(family, [...(prepared.get(family) ?? []), jwk]);
  }

  async #apply(em: EntityManager, plan: KeyPlan, prepared: Map<KeyFamily, StoredJwk[]>, by: By): Promise<Rotation> {
    const now = this.#deps.clock.now();
    for (const kid of plan.retire) {
      await em.execute(
        `update signing_key set state = 'retired', private_sealed = null, published_until = ? where kid = ?`,
        [now, kid],
      );
    }
    for (const { kid, publishedUntil } of plan.replace) {
      await em.execute(
        `update signing_key set state = 'previous', replaced_at = ?, published_until = ?, rotation_requested = false where kid = ?`,
        [now, publishedUntil, kid],
      );
    }
    for (const { kid } of plan.activate)
      await em.execute(`update signing_key set state = 'current', activated_at = ? where kid = ?`, [now, kid]);
    for (const { kid } of plan.schedule)
      await em.execute('update signing_key set rotation_requested = true where kid = ?', [kid]);
    const activated = [...plan.activate];
    for (const { family, state, usableAt } of plan.create) {
      const jwk = prepared.get(family)?.shift();
      if (!jwk) throw new Error(`no ${family} key was prepared`);
      if (state === 'current') activated.push({ kid: jwk.kid, family });
      em.create(SigningKey, {
        kid: jwk.kid,
        family,
        state,
        publicJwk: publicHalf(jwk),
        privateSealed: this.#deps.keyRing.seal(JSON.stringify(jwk), sealPlace(jwk.kid)),
        createdAt: now,
        usableAt,
        activatedAt: state === 'current' ? now : null,
        replacedAt: null,
        publishedUntil: null,
        rotationRequested: false,
      });
    }
    await em.flush();
    const scheduled = plan.schedule.map(({ family, at }) => ({ family, at }));
    await this.#deps.audit.record(
      em,
      typeOf(plan)({
        ...by,
        subject: { type: 'signing_keys', id: 'instance' },
        details: {
          activated: activated.map((key) => key.kid),
          retired: plan.retire,
          scheduled: scheduled.map(({ family, at }) => ({ family, at: at.toISOString() })),
        },
      }),
    );
    return { activated, scheduled, retired: plan.retire };
  }
}

function typeOf(plan: KeyPlan) {
  if (plan.activate.length > 0) return keysRotated;
  if (plan.create.some(({ state }) => state === 'current')) return plan.retire.length > 0 ? keysReplaced : keysCreated;
  if (plan.schedule.length > 0) return keysRotationScheduled;
  return plan.retire.length > 0 ? keysRetired : keysCreated;
}

function isEmpty(plan: KeyPlan): boolean {
  return Object.values(plan).every((part) => part.length === 0);
}

/** The families of the keys that the plan wants made and that are not prepared yet. */
function shortage(prepared: ReadonlyMap<KeyFamily, readonly StoredJwk[]>, plan: KeyPlan): KeyFamily[] {
  const stock = new Map([...prepared].map(([family, jwks]) => [family, jwks.length]));
  return plan.create.flatMap(({ family }) => {
    const left = stock.get(family) ?? 0;
    stock.set(family, left - 1);
    return left > 0 ? [] : [family];
  });
}

/** The job that rotates what is due and retires what has expired: cheap, on one node at a time, every five minutes. */
export function maintenance(rotation: Pick<KeyRotation, 'maintain'>): JobDefinition {
  return {
    schedule: '*/5 * * * *',
    retries: 3,
    backoff: { first: 10 * SECOND, max: MINUTE },
    expire: 2 * MINUTE,
    handler: async () => void (await rotation.maintain()),
  };
}

import { defineEntity, p } from '@mikro-orm/core';
import type { z } from 'zod';
import type { AuditEvent, AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { inWords, takenBy } from '#kernel/operations/schema-words.ts';
import { settingInvalid } from './errors.ts';
import { type TightenedSection, type Tightening, tighteningSchema } from './tightening.ts';

const PolicyTighteningSchema = defineEntity({
  name: 'PolicyTightening',
  tableName: 'policy_tightening',
  properties: {
    /** The id of what tightens: an organization or a client. */
    holder: p.text().primary(),
    sections: p.json<Record<string, unknown>>(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The tightening of the policy by an organization or a client (table `policy_tightening`). */
export class PolicyTightening extends PolicyTighteningSchema.class {}
PolicyTighteningSchema.setClass(PolicyTightening);

type Row = { holder: string; sections: unknown };

/** The event of a change, with the tightening before and after it. Throws, in the transaction of the change, where the holder is gone. */
type Announced = (change: { before: Tightening; after: Tightening }, em: EntityManager) => Promise<AuditEvent>;

/** The tightenings of the policy, held in memory by the id of their holder: reading one is free. */
export class TighteningService {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #announce: (holder: string) => Promise<void>;
  readonly #changed: () => void;
  #known = new Map<string, Tightening>();
  #reading: Promise<void> = Promise.resolve();

  constructor(
    { clock, database, audit }: { clock: Clock; database: Database; audit: Pick<AuditLog, 'record'> },
    announce: (holder: string) => Promise<void>,
    changed: () => void,
  ) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#announce = announce;
    this.#changed = changed;
  }

  /** Whether anything tightens the policy of the instance: where nothing does, it need not be asked who counts for a user. */
  get areAny(): boolean {
    return this.#known.size > 0;
  }

  /** As this node knows it; undefined where the holder tightens nothing. */
  known(holder: string): Tightening | undefined {
    return this.#known.get(holder);
  }

  /** The tightening of a holder, as it is stored. */
  async find(holder: string): Promise<Tightening> {
    const [row] = await this.#database.sql<Row>('select holder, sections from policy_tightening where holder = $1', [
      holder,
    ]);
    return row === undefined ? {} : readable(row.sections);
  }

  /** Reads the tightenings again, of all holders or of one. One read at a time: an earlier result must not replace a later one. */
  async reload(holder?: string): Promise<void> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#read(holder));
    return this.#reading;
  }

  async #read(holder: string | undefined): Promise<void> {
    const rows = await this.#database.sql<Row>(
      'select holder, sections from policy_tightening where $1::text is null or holder = $1',
      [holder ?? null],
    );
    const next = holder === undefined ? new Map<string, Tightening>() : new Map(this.#known);
    if (holder !== undefined) next.delete(holder);
    for (const row of rows) {
      const tightening = readable(row.sections);
      if (Object.keys(tightening).length > 0) next.set(row.holder, tightening);
    }
    this.#known = next;
    this.#changed();
  }

  /** Changes one member by its name, as `mfa.enforcement`; null tightens nothing any more. Throws settings.invalid. */
  async set(holder: string, name: string, value: unknown, event: Announced): Promise<Tightening> {
    const after = await this.#database.transaction(async (em) => {
      await em.execute('select pg_advisory_xact_lock(hashtext(?))', [`policy:${holder}`]);
      const [row] = await em.execute<Row[]>('select holder, sections from policy_tightening where holder = ?', [
        holder,
      ]);
      const before = row === undefined ? {} : readable(row.sections);
      const after = merged(before, name, value);
      const announced = await event({ before, after }, em);
      if (Object.keys(after).length === 0) await this.end(em, holder);
      else
        await em.execute(
          `insert into policy_tightening (holder, sections, changed_at) values (?, ?::jsonb, ?)
           on conflict (holder) do update set sections = excluded.sections, changed_at = excluded.changed_at`,
          [holder, JSON.stringify(after), this.#clock.now()],
        );
      await this.#audit.record(em, announced);
      return after;
    });
    await this.tell(holder);
    return after;
  }

  /** Ends the tightening of a holder, for example of one that is erased, as part of that act. Call `tell` after it. */
  async end(em: EntityManager, holder: string): Promise<void> {
    await em.execute('delete from policy_tightening where holder = ?', [holder]);
  }

  /** Lets every node know that the tightening of a holder changed. */
  async tell(holder: string): Promise<void> {
    await this.reload(holder);
    await this.#announce(holder);
  }
}

const isSection = (name: string): name is TightenedSection => Object.hasOwn(tighteningSchema.shape, name);
const shapeOf = (section: TightenedSection): Readonly<Record<string, z.ZodType>> =>
  tighteningSchema.shape[section].unwrap().shape;

/** Throws settings.invalid with what is wrong. */
function merged(before: Tightening, name: string, value: unknown): Tightening {
  const [section = '', member = '', ...rest] = name.split('.');
  if (!isSection(section) || !Object.hasOwn(shapeOf(section), member) || rest.length > 0)
    throw settingInvalid(`${name} cannot be tightened.`);
  const { [member]: _before, ...others } = { ...before[section] } as Record<string, unknown>;
  const members = value === null ? others : { ...others, [member]: value };
  const { [section]: _whole, ...sections } = before;
  const parsed = tighteningSchema.safeParse(
    Object.keys(members).length === 0 ? sections : { ...sections, [section]: members },
    { error: inWords },
  );
  if (parsed.success) return parsed.data;
  throw settingInvalid(parsed.error.issues.map(sentenceOf).join(' '));
}

/** Says what the member takes: `mfa.graceDays must be a whole number from 0 to 90, such as 0.` */
function sentenceOf({ code, path, message }: z.core.$ZodIssue): string {
  const [section = '', member = ''] = path.map(String);
  const schema = isSection(section) ? shapeOf(section)[member] : undefined;
  const isPlain = path.length === 2 && code !== 'custom' && schema !== undefined;
  return `${path.map(String).join('.')} ${isPlain ? takenBy(schema) : message}.`;
}

/** Members that cannot be read, or that a newer version wrote, tighten nothing here. */
function readable(stored: unknown): Tightening {
  const sections = Object.entries(membersOf(stored)).flatMap(([section, members]) => {
    if (!isSection(section)) return [];
    const shape = shapeOf(section);
    const known = Object.entries(membersOf(members)).filter(
      ([member, value]) => Object.hasOwn(shape, member) && shape[member]?.safeParse(value).success,
    );
    return known.length === 0 ? [] : [[section, Object.fromEntries(known)]];
  });
  return tighteningSchema.parse(Object.fromEntries(sections));
}

const membersOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { inWords, takenBy } from '#kernel/operations/schema-words.ts';
import { settingInvalid, settingNotFound } from './errors.ts';
import {
  instance,
  type Policies,
  type UserPolicies,
  type Policy,
  type PolicyInForce,
  type Section,
  sections,
  type PolicySubject,
} from './policies.ts';
import { tightened } from './combination.ts';
import { settingChanged } from './events.ts';
import { MOST_COMBINED } from './limits.ts';
import type { Tightening } from './tightening.ts';
import { defineEntity, p } from '@mikro-orm/core';
import type { z } from 'zod';

/** The error text for an unknown setting. */
const noSetting = (name: string): string => `There is no setting ${name}. settings list shows them all.`;

/** Kinds of issues about the value itself, which what the setting takes says better than one bound of it. */
const plainKinds: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value', 'too_small', 'too_big']);

/** Names the setting that is wrong and says what it takes: `password.minimumLength must be a whole number from 8 to 64, such as 8.` */
export function sentenceOf(section: Section, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0)
    return issue.keys.map((member) => noSetting(`${section}.${member}`)).join(' ');
  const problem =
    issue.code === 'unrecognized_keys' ? `has no member ${issue.keys.join(', ')}` : problemOf(section, issue);
  return `${[section, ...issue.path.map(String)].join('.')} ${problem}.`;
}

function problemOf(section: Section, { code, path, message }: z.core.$ZodIssue): string {
  const shape: Readonly<Record<string, z.ZodType>> = sections[section].shape;
  const schema = path.length === 1 ? shape[String(path[0])] : undefined;
  return schema && plainKinds.has(code) ? takenBy(schema) : message;
}

const SettingSchema = defineEntity({
  name: 'Setting',
  tableName: 'setting',
  properties: {
    section: p.text().primary(),
    value: p.json<Record<string, unknown>>(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** One stored section or value of the settings (table `setting`). */
export class Setting extends SettingSchema.class {}
SettingSchema.setClass(Setting);

/** The tightenings of the policy by the id of their holder. */
type KnownTightenings = { readonly areAny: boolean; known(holder: string): Tightening | undefined };

/** The ids of the organizations that count for a user. */
export type CountingOrganizations = (user: string, em?: EntityManager) => Promise<readonly string[]>;

type Listener = (policy: PolicyInForce) => void;
/** The reason against the new values of a section, as a sentence; null without one. Asked in the transaction of the change. */
type Objection<S extends Section> = (em: EntityManager, next: Policy<S>) => Promise<string | null>;

/** The policies in force, held in memory: reading one is free, a change reaches every node through `announce`. */
export class SettingsService implements Policies, UserPolicies {
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #announce: () => Promise<void>;
  readonly #listeners = new Set<Listener>();
  readonly #objections: { [S in Section]?: Objection<S> } = {};
  #instance: PolicyInForce = parseAll(new Map());
  #reading: Promise<void> = Promise.resolve();
  readonly #tightenings: KnownTightenings;
  readonly #organizationsOf: CountingOrganizations;
  readonly #combined = new Map<string, PolicyInForce>();

  constructor(
    clock: Clock,
    database: Database,
    audit: Pick<AuditLog, 'record'>,
    announce: () => Promise<void>,
    tightenings: KnownTightenings,
    organizationsOf: CountingOrganizations,
  ) {
    this.#clock = clock;
    this.#database = database;
    this.#audit = audit;
    this.#announce = announce;
    this.#tightenings = tightenings;
    this.#organizationsOf = organizationsOf;
  }

  /**
   * The policy in force: the instance's, tightened by the organization that is named or by all that count for the user, and by the
   * client. Where nothing tightens it, it is the instance's own.
   */
  for(subject: PolicySubject): PolicyInForce {
    if (subject === instance || !this.#tightenings.areAny) return this.#instance;
    const { organization, organizations = [], client } = subject;
    const named = organization === undefined ? organizations : [organization];
    const holders = [...named, ...(client === undefined ? [] : [client])];
    const demanding = [...new Set(holders)].filter((holder) => this.#tightenings.known(holder) !== undefined);
    return demanding.length === 0 ? this.#instance : this.#combine(demanding.toSorted());
  }

  /** The organizations of the user are asked for only where anything is tightened. */
  async ofUser(user: string, client?: string, organization: string | null = null): Promise<PolicyInForce> {
    if (!this.#tightenings.areAny) return this.#instance;
    const own = await this.#organizationsOf(user);
    // A request may name any organization: one that is not the user's own must not take the place of those that are.
    const organizations = organization !== null && own.includes(organization) ? [organization] : own;
    return this.for({ user, organizations, client });
  }

  async ofUserIn(em: EntityManager, user: string): Promise<PolicyInForce> {
    if (!this.#tightenings.areAny) return this.#instance;
    return this.for({ user, organizations: await this.#organizationsOf(user, em) });
  }

  /** After a tightening changed. */
  forgetCombined(): void {
    this.#combined.clear();
  }

  #combine(holders: readonly string[]): PolicyInForce {
    const key = JSON.stringify(holders);
    const known = this.#combined.get(key);
    if (known !== undefined) return known;
    const found = tightened(
      this.#instance,
      holders.flatMap((holder) => this.#tightenings.known(holder) ?? []),
    );
    if (this.#combined.size >= MOST_COMBINED) this.#combined.clear();
    this.#combined.set(key, found);
    return found;
  }

  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Lets the owner of a section's data refuse a change. */
  askBefore<S extends Section>(section: S, objection: Objection<S>): void {
    this.#objections[section] = objection as never;
  }

  /**
   * Reads the stored policies again; tells the listeners when they differ. One at a time: what was read earlier must not take
   * the place of what was read later.
   */
  async reload(): Promise<void> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    const rows = await this.#database.sql<{ section: string; value: unknown }>('select section, value from setting');
    const next = parseAll(new Map(rows.map(({ section, value }) => [section, value])));
    if (JSON.stringify(next) === JSON.stringify(this.#instance)) return;
    this.#instance = next;
    this.#combined.clear();
    for (const listener of this.#listeners) listener(next);
  }

  /** Changes one setting by its name, as `oidc.registration`, and answers with its section. Throws settings.not_found, settings.invalid. */
  async set(name: string, value: unknown, by: By): Promise<Partial<PolicyInForce>> {
    const [section = '', member = '', ...rest] = name.split('.');
    if (!isSection(section) || !Object.hasOwn(sections[section].shape, member) || rest.length > 0)
      throw settingNotFound(name);
    return { [section]: await this.change(section, { [member]: value }, by) };
  }

  /** Merges `change` into a section. Throws settings.invalid with the member that is wrong. */
  async change<S extends Section>(section: S, change: Record<string, unknown>, by: By): Promise<Policy<S>> {
    const after = await this.#database.transaction(async (em) => {
      // The stored value, not the cached one: two changes at once would otherwise undo each other.
      await em.execute('select pg_advisory_xact_lock(hashtext(?))', [`setting:${section}`]);
      const [row] = await em.execute<{ value: unknown }[]>('select value from setting where section = ?', [section]);
      const before = parseAll(new Map(row ? [[section, row.value]] : []))[section];
      const after = merge(section, before, change);
      const refusal = await this.#objections[section]?.(em, after);
      if (refusal) throw settingInvalid(refusal);
      await em.execute(
        'insert into setting (section, value, changed_at) values (?, ?::jsonb, ?) on conflict (section) do update set value = excluded.value, changed_at = excluded.changed_at',
        [section, JSON.stringify(after), this.#clock.now()],
      );
      await this.#audit.record(
        em,
        settingChanged({
          ...by,
          subject: { type: 'setting', id: section },
          details: { before, after },
        }),
      );
      return after;
    });
    await this.reload();
    await this.#announce();
    return after;
  }
}

const isSection = (name: string): name is Section => Object.hasOwn(sections, name);

/** Throws settings.invalid with the member that is wrong. A member that is null has its default again. */
function merge<S extends Section>(section: S, before: Policy<S>, change: Record<string, unknown>): Policy<S> {
  const merged = Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null));
  const parsed = sections[section].safeParse(merged, { error: inWords });
  if (parsed.success) return parsed.data as Policy<S>;
  throw settingInvalid(parsed.error.issues.map((issue) => sentenceOf(section, issue)).join(' '));
}

/**
 * A member that cannot be read has its default, and one that is not known is left alone: neither a bad row nor one that a
 * newer version wrote keeps the instance from starting, or takes away what else was decided in its section.
 */
function parseAll(stored: ReadonlyMap<string, unknown>): PolicyInForce {
  return Object.fromEntries(
    Object.entries(sections).map(([section, schema]) => {
      const shape: Readonly<Record<string, z.ZodType>> = schema.shape;
      const readable = Object.entries(membersOf(stored.get(section))).filter(
        ([member, value]) => Object.hasOwn(shape, member) && shape[member]?.safeParse(value).success,
      );
      return [section, schema.parse(Object.fromEntries(readable))];
    }),
  ) as unknown as PolicyInForce;
}

const membersOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import { legacyIdTaken, userNotFound } from './errors.ts';
import { userProfileChanged, userPropertiesChanged } from './events.ts';
import type { Profile } from './profile.ts';
import { checkedProperties } from './property-service.ts';
import type { RoleHolders } from './role-holders.ts';
import type { User, UserId } from './user.ts';

/** Null removes a member, a missing member stays; within the postal address as well. */
type ProfilePatch = {
  readonly [M in keyof Profile]?: (M extends 'address' ? AddressPatch : Profile[M]) | null | undefined;
};
type AddressPatch = Readonly<Record<string, string | null | undefined>>;

type OwnChange = {
  profile?: ProfilePatch;
  properties?: Readonly<Record<string, unknown>>;
  theme?: User['theme'];
};
type Change = Omit<OwnChange, 'theme'> & { legacyId?: string | null | undefined };

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  /** Without them no user has properties. */
  policies: Policies<'profile'> | undefined;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

type Row = { profile: Profile; properties: Record<string, unknown>; legacy_id: string | null; theme: User['theme'] };

/** The profile and the properties of a user: the only place that changes them, but what a user adds in a sign-in. */
export class UserDetails {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Of the user who asks, or of an identity provider, with values that were checked before. */
  async changeOwn(id: UserId, { properties = {}, ...change }: OwnChange, by: By): Promise<void> {
    await this.#deps.database.transaction(async (em) => {
      const members = await this.#write(em, id, { ...change, properties });
      if (members.length > 0) await this.#deps.audit.record(em, userProfileChanged(about(id, members, by)));
    });
  }

  /**
   * As an operator. Answers with the names of the members that are not what they were.
   * Throws users.not_found, users.rights_missing, users.legacy_id_taken, users.properties_invalid.
   */
  async change(id: UserId, { properties = {}, ...change }: Change, by: By): Promise<readonly string[]> {
    const { audit, database, policies, roleHolders } = this.#deps;
    const schema = policies?.for({ user: id }).profile.properties ?? [];
    const checked = checkedProperties(schema, properties);
    await roleHolders.requireRightsOver(id, by);
    return database.transaction(async (em) => {
      const members = await this.#write(em, id, { ...change, properties: checked });
      // Properties are apart: the owner of the account may not see all of them.
      const isProperty = (member: string) => Object.hasOwn(checked, member);
      const [ofProperties, others] = [members.filter(isProperty), members.filter((member) => !isProperty(member))];
      if (others.length > 0) await audit.record(em, userProfileChanged(about(id, others, by)));
      if (ofProperties.length > 0) await audit.record(em, userPropertiesChanged(about(id, ofProperties, by)));
      return members;
    });
  }

  /** The names of the members that changed. */
  async #write(
    em: EntityManager,
    id: UserId,
    { profile = {}, properties = {}, legacyId, theme }: Change & OwnChange,
  ): Promise<string[]> {
    const [before] = await em.execute<Row[]>(
      'select profile, properties, legacy_id, theme from users where id = ? for no key update',
      [toUuid(id)],
    );
    if (!before) throw userNotFound();
    const next: Row = {
      profile: patched(before.profile, profile),
      properties: patched(before.properties, properties),
      legacy_id: legacyId === undefined ? before.legacy_id : legacyId,
      theme: theme === undefined ? before.theme : theme,
    };
    const members = [
      ...changed(before.profile, next.profile),
      ...changed(before.properties, next.properties),
      ...(next.legacy_id === before.legacy_id ? [] : ['legacy_id']),
      ...(next.theme === before.theme ? [] : ['theme']),
    ];
    if (members.length === 0) return members;
    await this.#save(em, id, next);
    // An uploaded picture is nothing without the claim that leads to it.
    if (members.includes('picture')) await em.execute('delete from user_picture where user_id = ?', [toUuid(id)]);
    return members;
  }

  async #save(em: EntityManager, id: UserId, { profile, properties, legacy_id: legacyId, theme }: Row): Promise<void> {
    try {
      await em.execute(
        'update users set profile = ?::jsonb, properties = ?::jsonb, legacy_id = ?, theme = ?, updated_at = ? where id = ?',
        [JSON.stringify(profile), JSON.stringify(properties), legacyId, theme, this.#deps.clock.now(), toUuid(id)],
      );
    } catch (error) {
      if (error instanceof UniqueConstraintViolationException) throw legacyIdTaken();
      throw error;
    }
  }
}

/** The record names what changed and never the values: it outlives them. */
const about = (id: UserId, members: string[], by: By) => ({
  ...by,
  subject: { type: 'user', id },
  details: { members },
});

/** RFC 7396. A member of an object that becomes empty stays, as an empty object. */
function patched<Values extends object>(before: Values, patch: object): Values {
  const next = { ...before } as Record<string, unknown>;
  for (const [name, value] of Object.entries(patch) as [string, unknown][]) {
    if (value === undefined) continue;
    if (value === null) delete next[name];
    else if (typeof value === 'object' && !Array.isArray(value)) next[name] = patched(objectOf(next[name]), value);
    else next[name] = value;
  }
  return next as Values;
}

const objectOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

/** The names of the members that differ. */
const changed = (before: object, after: object): string[] => {
  const text = (values: object, name: string) => JSON.stringify((values as Readonly<Record<string, unknown>>)[name]);
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => text(before, name) !== text(after, name));
};

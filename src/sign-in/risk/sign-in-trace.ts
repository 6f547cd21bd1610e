import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import type { KnownDevices } from '#credentials/module.ts';
import type { Database } from '#kernel/database.ts';
import { IdColumn } from '#kernel/id-column.ts';
import { type Id, newId, toUuid } from '#kernel/ids.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import { User, type UserId } from '#directory/users/module.ts';
import type { Seen } from './assessment.ts';
import { COMPARED_SIGN_INS, TRACE_KEPT_FOR } from './limits.ts';

const SignInTraceSchema = defineEntity({
  name: 'SignInTrace',
  tableName: 'sign_in_trace',
  indexes: [{ name: 'sign_in_trace_user_id_at_index', properties: ['userId', 'at'] }],
  properties: {
    id: p.type(new IdColumn('trace')).primary().$type<Id<'trace'>>(),
    userId: () => p.manyToOne(User).mapToPk().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    at: p.datetime(3).columnType('timestamptz(3)').index('sign_in_trace_at_index'),
    network: p.text(),
    country: p.text().nullable(),
    latitude: p.double().nullable(),
    longitude: p.double().nullable(),
  },
});
/** Browser, network and coarse place of a sign-in, for comparison with later ones (table `sign_in_trace`). */
export class SignInTrace extends SignInTraceSchema.class {}
SignInTraceSchema.setClass(SignInTrace);

type Row = {
  is_known: boolean;
  at: Date | null;
  network: string;
  country: string | null;
  latitude: number | null;
  longitude: number | null;
};

/** Earlier sign-ins of a user, newest first, and whether the user knows the browser of this one. */
type Habits = { earlier: Seen[]; isKnownDevice: boolean };

/** From where users signed in: the network and a coarse place, no more than it takes to notice a change. */
export class SignInTraces {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** One statement. Of the sign-ins from one network and place the newest stands for all, because most users have a few places. */
  async habits(userId: UserId, knowing: ReturnType<KnownDevices['knowing']>): Promise<Habits> {
    const rows = await this.#database.sql<Row>(
      `select b.is_known, t.* from (select ${knowing.text((place) => `$${place + 4}`, '$1::uuid')} as is_known) b
       left join (select max(at) as at, network, country, latitude, longitude from
         (select at, network, country, latitude, longitude from sign_in_trace
          where user_id = $1::uuid and at > $2 order by at desc limit $3) newest
         group by network, country, latitude, longitude) t on true order by t.at desc`,
      [toUuid(userId), fromNow(this.#clock, -TRACE_KEPT_FOR), COMPARED_SIGN_INS, ...knowing.values],
    );
    return { isKnownDevice: rows[0]?.is_known === true, earlier: rows.flatMap(seenIn) };
  }

  adding(userId: UserId, { at: moment, network, country, coordinates }: Seen): Part {
    return {
      name: 'trace',
      values: [
        toUuid(newId('trace')),
        toUuid(userId),
        moment,
        network,
        country,
        coordinates?.latitude ?? null,
        coordinates?.longitude ?? null,
      ],
      text: (at, only) => `
        trace as (insert into sign_in_trace (id, user_id, at, network, country, latitude, longitude)
          select ${at(0)}::uuid, ${at(1)}::uuid, ${at(2)}::timestamptz, ${at(3)}::text, ${at(4)}::text,
            ${at(5)}::double precision, ${at(6)}::double precision where ${only})`,
    };
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from sign_in_trace where id in (select id from sign_in_trace where at < $1 limit $2) returning 1',
      [fromNow(this.#clock, -TRACE_KEPT_FOR), batch],
    );
    return rows.length;
  }
}

/** The row of a user without traces says only whether the browser is known. */
function seenIn({ at, network, country, latitude, longitude }: Row): Seen[] {
  const coordinates = latitude === null || longitude === null ? null : { latitude, longitude };
  return at === null ? [] : [{ at, network, country, coordinates }];
}

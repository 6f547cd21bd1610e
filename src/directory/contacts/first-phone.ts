import type { EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';

/**
 * Takes the first number away when it became this user's in a period: the number that was proven first takes its place, if there
 * is one. A text message to the first number signs in.
 */
export async function dropFirstPhone(
  em: EntityManager,
  userId: UserId,
  { begin, end, now }: { begin: Date; end: Date; now: Date },
): Promise<void> {
  const uuid = toUuid(userId);
  const [recent] = await em.execute<unknown[]>(
    `select 1 from users where id = ? and tstzrange(?::timestamptz, ?::timestamptz) @> phone_number_since
     and phone_number is not null for update`,
    [uuid, begin, end],
  );
  if (!recent) return;
  const [next] = await em.execute<{ value: string; verified_at: Date }[]>(
    `delete from contact where id = (select id from contact where user_id = ? and kind = 'phone' and verified_at is not null
       order by verified_at, id limit 1) returning value, verified_at`,
    [uuid],
  );
  await em.execute(
    `update users set phone_number = ?, phone_number_verified = ?, phone_number_since = ?, updated_at = ? where id = ?`,
    [next?.value ?? null, next !== undefined, next?.verified_at ?? null, now, uuid],
  );
}

import { access } from '#directory/access/module.ts';
import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, DAY, fromNow } from '#kernel/clock.ts';
import { randomSecret, sha256 } from '#kernel/crypto.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import type { UserPolicies } from '#settings/module.ts';
import type { RoleHolder, UserId } from '#directory/users/module.ts';
import type { TrustedDeviceId } from './trusted-device.ts';
import { userDeviceTrusted, userTrustedDeviceRemoved } from '../events.ts';

/** A browser that is not asked for the second factor, as its owner sees it. */
export type TrustedDevice = {
  id: TrustedDeviceId;
  userAgent: string;
  ip: string;
  createdAt: Date;
  seenAt: Date;
  expiresAt: Date;
};

type Who = RoleHolder & { id: UserId };
type Row = Record<'id' | 'user_agent' | 'ip', string> & Record<'created_at' | 'seen_at' | 'expires_at', Date>;

type Dependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record' | 'note'>;
  policies: UserPolicies<'mfa'>;
};

/**
 * Browsers in which a user proved a second factor and asked not to be asked again. The cookie holds a random secret, the
 * row its hash and whose it is: in another account it opens nothing. Administrators are always asked.
 */
export class TrustedDevices {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** For how many days this user may trust a browser; 0 when they may not. */
  async daysFor(user: Who): Promise<number> {
    const isAsked = user.status !== 'active' || access.isAdministrative(user);
    return isAsked ? 0 : (await this.#deps.policies.ofUser(user.id)).mfa.trustDays;
  }

  /** Keeps when and from where a trusted browser left the second factor out. Whether it may is in SecondFactorOverviews. */
  async noteUse(userId: UserId, secret: string, { ip }: { ip: string }): Promise<void> {
    await this.#deps.database.sql(
      'update trusted_device set seen_at = $3, ip = $4 where secret_hash = $1 and user_id = $2',
      [sha256(secret), toUuid(userId), this.#deps.clock.now(), ip],
    );
  }

  /**
   * Trusts a browser; answers with the secret for its cookie, null when this user may not. It is always a new secret, so
   * that a planted one is useless; trust of other users in the same browser moves to it.
   */
  async trust(user: Who, before: string | undefined, by: By): Promise<string | null> {
    const days = await this.daysFor(user);
    if (days === 0) return null;
    const { clock, database, audit } = this.#deps;
    const secret = randomSecret();
    const now = clock.now();
    await database.transaction(async (em) => {
      if (before) {
        await em.execute('delete from trusted_device where secret_hash = ? and user_id = ?', [
          sha256(before),
          toUuid(user.id),
        ]);
        await em.execute('update trusted_device set secret_hash = ? where secret_hash = ?', [
          sha256(secret),
          sha256(before),
        ]);
      }
      await em.execute(
        `insert into trusted_device (id, user_id, secret_hash, user_agent, ip, created_at, seen_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          toUuid(newId('tdev')),
          toUuid(user.id),
          sha256(secret),
          by.visitor?.userAgent.slice(0, 256) ?? '',
          by.visitor?.ip ?? '',
          now,
          now,
          fromNow(clock, days * DAY),
        ],
      );
      await audit.record(
        em,
        userDeviceTrusted({
          ...by,
          subject: { type: 'user', id: user.id },
          details: { days },
        }),
      );
    });
    return secret;
  }

  /** Newest first. */
  async list(userId: UserId): Promise<TrustedDevice[]> {
    const { clock, database, policies } = this.#deps;
    const { trustDays } = (await policies.ofUser(userId)).mfa;
    const rows = await database.sql<Row>(
      `select id, user_agent, ip, created_at, seen_at, expires_at from trusted_device
       where user_id = $1 and expires_at > $2 and created_at > $3 order by created_at desc`,
      [toUuid(userId), clock.now(), fromNow(clock, -trustDays * DAY)],
    );
    return rows.map((row) => ({
      id: fromUuid('tdev', row.id),
      userAgent: row.user_agent,
      ip: row.ip,
      createdAt: row.created_at,
      seenAt: row.seen_at,
      expiresAt: row.expires_at,
    }));
  }

  /** Ends the trust in one browser of this user; false when it is none of theirs. */
  async revoke(userId: UserId, id: TrustedDeviceId, by: By): Promise<boolean> {
    const rows = await this.#deps.database.sql(
      'delete from trusted_device where id = $1 and user_id = $2 returning 1',
      [toUuid(id), toUuid(userId)],
    );
    if (rows.length > 0)
      await this.#deps.audit.note(
        userTrustedDeviceRemoved({ ...by, subject: { type: 'user', id: userId }, details: { device: id } }),
      );
    return rows.length > 0;
  }

  /** Ends the trust in all browsers of this user, each with its event; answers how many those were. */
  async revokeEach(userId: UserId, by: By): Promise<number> {
    const { database, audit } = this.#deps;
    return database.transaction(async (em) => {
      const rows = await em.execute<{ id: string }[]>('delete from trusted_device where user_id = ? returning id', [
        toUuid(userId),
      ]);
      for (const { id } of rows)
        await audit.record(
          em,
          userTrustedDeviceRemoved({
            ...by,
            subject: { type: 'user', id: userId },
            details: { device: fromUuid('tdev', id) },
          }),
        );
      return rows.length;
    });
  }

  /** Ends the trust in all browsers of this user, as part of an act. */
  async revokeAll(em: EntityManager, userId: UserId): Promise<number> {
    const rows = await em.execute<unknown[]>('delete from trusted_device where user_id = ? returning id', [
      toUuid(userId),
    ]);
    return rows.length;
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#deps.database.sql(
      'delete from trusted_device where id in (select id from trusted_device where expires_at < $1 limit $2) returning 1',
      [this.#deps.clock.now(), batch],
    );
    return rows.length;
  }
}

import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import { sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { pictureInvalid, tooManyPictures, userNotFound } from '../errors.ts';
import type { RoleHolders } from '../role-holders.ts';
import { drawPicture, sizes } from './picture-image.ts';
import { type UserId, User } from '../user.ts';
import { LARGEST_PICTURE, PICTURE_UPLOADS } from './picture-limits.ts';
import { userPictureChanged, userPictureRemoved } from '../events.ts';
import { defineEntity, p } from '@mikro-orm/core';

type PictureDependencies = {
  clock: Clock;
  throttle: Pick<Throttle, 'consume'>;
  /** Where browsers load the files of pictures; ends with a slash. */
  pictureUrl: string;
  database: Pick<Database, 'sql' | 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  roleHolders: Pick<RoleHolders, 'requireRightsOver'>;
};

/** Where browsers load it, and when it was uploaded here; null where it was not. */
type ShownPicture = { picture: string | null; uploadedAt: Date | null };

const file = new RegExp(`^([0-9a-f]{64})-(${Object.values(sizes).join('|')})\\.webp$`);

/** The picture of a user, which the claim `picture` leads to. */
export class PictureService {
  readonly #deps: PictureDependencies;

  constructor(dependencies: PictureDependencies) {
    this.#deps = dependencies;
  }

  /** False when the file is no picture that we can read. Throws users.too_many_pictures. */
  async save(userId: UserId, upload: Buffer, by: By): Promise<boolean> {
    const outcome = await this.#deps.throttle.consume(PICTURE_UPLOADS, userId);
    if (!outcome.allowed) throw tooManyPictures(outcome.retryAfter);
    const drawn = await drawPicture(upload);
    if (drawn === null) return false;
    const { clock, database, pictureUrl } = this.#deps;
    const name = sha256(Buffer.concat([Buffer.from(userId), drawn.large])).toString('hex');
    const now = clock.now();
    await database.transaction(async (em) => {
      await em.execute(
        `insert into user_picture (user_id, name, large, small, created_at) values (?, ?, ?, ?, ?)
         on conflict (user_id) do update set name = excluded.name, large = excluded.large, small = excluded.small, created_at = excluded.created_at`,
        [toUuid(userId), name, drawn.large, drawn.small, now],
      );
      const picture = `${pictureUrl}${name}-${sizes.large}.webp`;
      await em.execute(`update users set profile = profile || ?::jsonb, updated_at = ? where id = ?`, [
        JSON.stringify({ picture }),
        now,
        toUuid(userId),
      ]);
      await this.#deps.audit.record(em, userPictureChanged({ ...by, subject: { type: 'user', id: userId } }));
    });
    return true;
  }

  async remove(userId: UserId, by: By): Promise<void> {
    const { clock, database, audit } = this.#deps;
    await database.transaction(async (em) => {
      await em.execute('delete from user_picture where user_id = ?', [toUuid(userId)]);
      await em.execute(`update users set profile = profile - 'picture', updated_at = ? where id = ?`, [
        clock.now(),
        toUuid(userId),
      ]);
      await audit.record(em, userPictureRemoved({ ...by, subject: { type: 'user', id: userId } }));
    });
  }

  /**
   * The same as an operator; null removes the picture. Throws users.not_found, users.rights_missing, users.picture_invalid,
   * users.too_many_pictures.
   */
  async change(userId: UserId, upload: Buffer | null, by: By): Promise<ShownPicture> {
    await this.#deps.roleHolders.requireRightsOver(userId, by);
    const { picture } = await this.show(userId);
    if (upload === null) {
      if (picture !== null) await this.remove(userId, by);
    } else if (upload.length > LARGEST_PICTURE || !(await this.save(userId, upload, by))) throw pictureInvalid();
    return this.show(userId);
  }

  /** Throws users.not_found. */
  async show(userId: UserId): Promise<ShownPicture> {
    const [row] = await this.#deps.database.sql<ShownPicture>(
      `select u.profile ->> 'picture' as picture, p.created_at as "uploadedAt"
       from users u left join user_picture p on p.user_id = u.id where u.id = $1`,
      [toUuid(userId)],
    );
    if (!row) throw userNotFound();
    return row;
  }

  /** By the last part of its address; null when there is no such picture. */
  async find(fileName: string): Promise<Buffer | null> {
    const [, name, size] = file.exec(fileName) ?? [];
    if (name === undefined) return null;
    const column = Number(size) === sizes.large ? 'large' : 'small';
    const [row] = await this.#deps.database.sql<{ bytes: Uint8Array }>(
      `select ${column} as bytes from user_picture where name = $1`,
      [name],
    );
    return row ? Buffer.from(row.bytes) : null;
  }
}

const UserPictureSchema = defineEntity({
  name: 'UserPicture',
  tableName: 'user_picture',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** The name of the picture in its address: a hash of bytes and owner, so that it cannot be guessed. */
    name: p.text().unique('user_picture_name_unique'),
    /** WebP of 512 and 256 pixels, drawn by us. */
    large: p.blob().columnType('bytea').$type<Buffer>(),
    small: p.blob().columnType('bytea').$type<Buffer>(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** The picture of a user in two sizes (table `user_picture`). */
export class UserPicture extends UserPictureSchema.class {}
UserPictureSchema.setClass(UserPicture);

import { randomBytes } from 'node:crypto';
import { defineEntity, p } from '@mikro-orm/core';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { User, type UserId } from '#directory/users/module.ts';

const WebauthnUserSchema = defineEntity({
  name: 'WebauthnUser',
  tableName: 'webauthn_user',
  properties: {
    userId: () =>
      p.manyToOne(User).mapToPk().primary().fieldName('user_id').deleteRule('cascade').updateRule('no action'),
    /** The user handle for authenticators: random, so that it reveals nothing, and the same for ever. */
    handle: p.blob().columnType('bytea').unique('webauthn_user_handle_unique').$type<Buffer>(),
    /** When the user declined the offer of a passkey. */
    offerDeclinedAt: p.datetime(3).columnType('timestamptz(3)').nullable(),
  },
});
/** The user handle for authenticators (table `webauthn_user`). */
export class WebauthnUser extends WebauthnUserSchema.class {}
WebauthnUserSchema.setClass(WebauthnUser);

/** WebAuthn 3 §14.6.1 asks for 64 random bytes. */
const HANDLE_BYTES = 64;

/** Creates and finds user handles: 64 random bytes for each user (WebAuthn 3 §5.4.3). */
export class WebauthnUsers {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;

  constructor(clock: Clock, database: Pick<Database, 'sql'>) {
    this.#clock = clock;
    this.#database = database;
  }

  /** The handle of a user, made when it is first needed. */
  async requireHandle(userId: UserId): Promise<Buffer> {
    const [row] = await this.#database.sql<{ handle: Uint8Array }>(
      `insert into webauthn_user (user_id, handle) values ($1, $2)
       on conflict (user_id) do update set handle = webauthn_user.handle returning handle`,
      [toUuid(userId), randomBytes(HANDLE_BYTES)],
    );
    return Buffer.from(row!.handle);
  }

  async declineOffer(userId: UserId): Promise<void> {
    await this.requireHandle(userId);
    await this.#database.sql('update webauthn_user set offer_declined_at = $2 where user_id = $1', [
      toUuid(userId),
      this.#clock.now(),
    ]);
  }
}

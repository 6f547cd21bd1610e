import { type By, system } from '#audit/module.ts';
import type { EntityManager } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { UserId } from '#directory/users/module.ts';
import type { CredentialState } from '../methods.ts';
import type { Signed } from './assertion-check.ts';
import type { PasskeyId } from './passkey.ts';
import type { PasskeyDependencies } from './passkey-service.ts';
import { type PasskeyState, STATE_COLUMNS, type StateRow } from './passkey-state.ts';
import { userPasskeyFlagged } from '../events.ts';

/** A passkey as it is asked to prove something, and whose it is. */
export type Stored = {
  id: PasskeyId;
  userId: UserId;
  credentialId: string;
  publicKey: Uint8Array<ArrayBuffer>;
  isBackupEligible: boolean;
  state: CredentialState;
  isActive: boolean;
  handle: string;
};
type Row = StateRow & {
  id: string;
  user_id: string;
  public_key: Uint8Array;
  is_backup_eligible: boolean;
  status: string;
  handle: Uint8Array;
};

/** Passkeys where they prove something: each use is one write, which a copy does not pass. */
export class StoredPasskeys {
  readonly #deps: Pick<PasskeyDependencies, 'clock' | 'database' | 'audit' | 'accessRevocation' | 'tellOwner'>;

  readonly #stateOf: PasskeyState;

  constructor(
    dependencies: Pick<PasskeyDependencies, 'clock' | 'database' | 'audit' | 'accessRevocation' | 'tellOwner'>,
    stateOf: PasskeyState,
  ) {
    this.#deps = dependencies;
    this.#stateOf = stateOf;
  }

  async find(credentialId: string): Promise<Stored | null> {
    const [row] = await this.#deps.database.sql<Row>(
      `select p.id, p.user_id, p.public_key, p.is_backup_eligible, ${STATE_COLUMNS}, u.status, w.handle
       from passkey p join users u on u.id = p.user_id join webauthn_user w on w.user_id = p.user_id where p.credential_id = $1`,
      [Buffer.from(credentialId, 'base64url')],
    );
    if (!row) return null;
    const userId = fromUuid('usr', row.user_id);
    return {
      id: fromUuid('psk', row.id),
      userId,
      credentialId,
      publicKey: new Uint8Array(row.public_key),
      isBackupEligible: row.is_backup_eligible,
      state: this.#stateOf(row, userId),
      isActive: row.status === 'active',
      handle: Buffer.from(row.handle).toString('base64url'),
    };
  }

  /** A removal locks passkeys before their challenges, like every use. */
  async lock(em: EntityManager, id: PasskeyId): Promise<void> {
    await em.execute('select 1 from passkey where id = ? for update', [toUuid(id)]);
  }

  /** Notes the use, unless the authenticator counts and has not counted on (WebAuthn 3 §6.1.1): then there are two of it. */
  async countUse(em: EntityManager, id: PasskeyId, { signCount, isBackedUp }: Signed): Promise<boolean> {
    const rows = await em.execute<unknown[]>(
      `update passkey set sign_count = ?::bigint, is_backed_up = ?, last_used_at = ?
       where id = ? and flagged_at is null and (sign_count < ?::bigint or (sign_count = 0 and ?::bigint = 0)) returning 1`,
      [signCount, isBackedUp, this.#deps.clock.now(), toUuid(id), signCount, signCount],
    );
    return rows.length > 0;
  }

  /** Refused from now on; its owner is notified once. */
  async flag({ id, userId }: Stored, { visitor }: By): Promise<void> {
    const { database, clock, audit, accessRevocation, tellOwner } = this.#deps;
    await database.transaction(async (em) => {
      const [flagged] = await em.execute<{ name: string | null }[]>(
        'update passkey set flagged_at = ? where id = ? and flagged_at is null returning name',
        [clock.now(), toUuid(id)],
      );
      if (!flagged) return;
      await accessRevocation.revoke(em, 'passkey stopped as a possible copy', userId, { ...system, visitor });
      await audit.record(
        em,
        userPasskeyFlagged({
          ...system,
          subject: { type: 'user', id: userId },
          outcome: 'failure',
          visitor,
          details: { passkey: id, name: flagged.name, reason: 'sign_count' },
        }),
      );
      await tellOwner(em, { kind: 'passkey_flagged', userId, name: flagged.name, visitor });
    });
  }
}

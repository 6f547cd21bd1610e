import type { AuditLog, By } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database, EntityManager } from '#kernel/database.ts';
import { toUuid } from '#kernel/ids.ts';
import { instance, type Policies } from '#settings/module.ts';
import { oneLine, type UserId } from '#directory/users/module.ts';
import type { CredentialState } from '../methods.ts';
import type { SecondFactorDemand } from '../second-factors/second-factor-demand.ts';
import type { FactorEndings, TellOwner } from '../second-factors/second-factor-notice.ts';
import { authenticatorName } from './authenticators.ts';
import { type Descriptor, type RelyingParty, relyingPartyOf } from './relying-party.ts';
import { Passkey, type PasskeyId } from './passkey.ts';
import { type PasskeyState, passkeyStateBy, STATE_COLUMNS, type StateRow } from './passkey-state.ts';
import type { WebauthnUsers } from './webauthn-user.ts';
import { LONGEST_PASSKEY_NAME } from '../limits.ts';
import { userPasskeyRemoved, userPasskeyRenamed } from '../events.ts';

/** A passkey as its owner sees it. */
export type ShownPasskey = {
  id: PasskeyId;
  name: string | null;
  /** The reported model of the authenticator: `YubiKey 5 Series with NFC`, `Apple Passwords`. */
  authenticator: string | null;
  /** A key on a keyring, not the device or its password manager. */
  isSecurityKey: boolean;
  /** Asked for a fingerprint, a face or a PIN when it was enrolled, so that it can sign in alone. */
  verifiesUser: boolean;
  /** `synced`: its owner's other devices have it as well. */
  backup: 'device' | 'syncable' | 'synced';
  createdAt: Date;
  lastUsedAt: Date | null;
  state: CredentialState;
};

export type PasskeyDependencies = {
  clock: Clock;
  database: Database;
  audit: Pick<AuditLog, 'record'>;
  issuer: URL;
  policies: Policies<'passkeys' | 'branding'>;
  demand: Pick<SecondFactorDemand, 'assertOneLeft'>;
  accessRevocation: FactorEndings;
  tellOwner: TellOwner;
  webauthnUsers: WebauthnUsers;
};

/** Data for the Signal API of browsers (WebAuthn 3 §5.1.10): the passkeys of a user that this server still has. */
type AcceptedPasskeys = { rpId: string; userId: string; allAcceptedCredentialIds: string[] };

/** A user's passkeys: seeing them, naming them, giving one up. */
export class PasskeyService {
  readonly #deps: PasskeyDependencies;
  readonly stateOf: PasskeyState;

  constructor(dependencies: PasskeyDependencies) {
    this.#deps = dependencies;
    this.stateOf = passkeyStateBy(dependencies.issuer, dependencies.policies);
  }

  /** Null where passkeys are switched off, or the issuer has no name that they could be made for. */
  get relyingParty(): RelyingParty | null {
    const { passkeys } = this.#deps.policies.for(instance);
    return passkeys.enabled ? relyingPartyOf(this.#deps.issuer, passkeys) : null;
  }

  async list(userId: UserId): Promise<ShownPasskey[]> {
    const found = await this.#deps.database
      .em()
      .find(Passkey, { userId }, { orderBy: { createdAt: 'asc', id: 'asc' } });
    return found.map((passkey) => shown(passkey, this.stateOf(stateRow(passkey), userId)));
  }

  /** How many a user could prove themselves with now. */
  async countUsable(userId: UserId): Promise<number> {
    return (await this.usable(userId)).length;
  }

  /** Those that prove something now. */
  async usable(userId: UserId): Promise<Descriptor[]> {
    return this.#inState(userId, (state) => state === 'active');
  }

  async #inState(userId: UserId, isWanted: (state: CredentialState) => boolean): Promise<Descriptor[]> {
    const rows = await this.#deps.database.sql<StateRow & { id: Uint8Array; transports: string[] }>(
      `select credential_id as id, transports, ${STATE_COLUMNS} from passkey where user_id = $1 order by created_at, passkey.id`,
      [toUuid(userId)],
    );
    return rows
      .filter((row) => isWanted(this.stateOf(row, userId)))
      .map(({ id, transports }) => ({
        id: Buffer.from(id).toString('base64url'),
        transports,
      }));
  }

  /** False when the user has no such passkey. An empty name takes the name away. */
  async rename(userId: UserId, id: PasskeyId, name: string, by: By): Promise<boolean> {
    return this.#deps.database.transaction(async (em) => {
      const passkey = await em.findOne(Passkey, { id, userId });
      if (!passkey) return false;
      passkey.name = oneLine(name).slice(0, LONGEST_PASSKEY_NAME) || null;
      await em.flush();
      await this.#deps.audit.record(em, userPasskeyRenamed(of(passkey, by)));
      return true;
    });
  }

  /** Gives a passkey up; false when the user has no such. Throws credentials.last_factor where policy demands one and it is the last. */
  async remove(userId: UserId, id: PasskeyId, by: By): Promise<boolean> {
    return this.#deps.database.transaction(async (em) => {
      const passkey = await em.findOne(Passkey, { id, userId });
      if (!passkey) return false;
      await em.remove(passkey).flush();
      await this.#deps.demand.assertOneLeft(em, userId);
      await this.#deps.accessRevocation.revoke(em, 'passkey or authenticator app removed', userId, by);
      await this.#deps.audit.record(em, userPasskeyRemoved(of(passkey, by)));
      await this.#deps.tellOwner(em, {
        kind: 'passkey_removed',
        userId,
        name: shownName(passkey),
        visitor: by.visitor,
      });
      return true;
    });
  }

  /** Deletes them all, as part of another act. */
  async eraseAll(em: EntityManager, userId: UserId): Promise<void> {
    await em.execute('delete from passkey where user_id = ?', [toUuid(userId)]);
  }

  /** For the browser of a user, after one was removed or renamed. */
  async accepted(userId: UserId): Promise<AcceptedPasskeys | null> {
    const { relyingParty } = this;
    if (relyingParty === null) return null;
    // A policy may change back: browsers do not forget passkeys that only the policy refuses.
    const [handle, kept] = await Promise.all([
      this.#deps.webauthnUsers.requireHandle(userId),
      this.#inState(userId, (state) => state !== 'stopped'),
    ]);
    return {
      rpId: relyingParty.id,
      userId: handle.toString('base64url'),
      allAcceptedCredentialIds: kept.map(({ id }) => id),
    };
  }
}

const of = ({ id, userId, name }: Passkey, by: By) => ({
  ...by,
  subject: { type: 'user', id: userId },
  details: { passkey: id, name: name ?? null },
});

/** The user's name of a passkey, or the name of its authenticator model; null if both are unknown. */
export const shownName = ({ name, aaguid }: Pick<Passkey, 'name' | 'aaguid'>): string | null =>
  name ?? authenticatorName(aaguid);

const stateRow = ({ flaggedAt, aaguid, attestationFormat }: Passkey): StateRow => ({
  is_stopped: Boolean(flaggedAt),
  aaguid,
  attestation_format: attestationFormat,
});

/** The public data of a passkey for pages and commands. */
export function shown(passkey: Passkey, state: CredentialState): ShownPasskey {
  return {
    id: passkey.id,
    name: passkey.name ?? null,
    authenticator: authenticatorName(passkey.aaguid),
    isSecurityKey: !passkey.transports.includes('internal') && !passkey.isBackupEligible,
    verifiesUser: passkey.userVerified,
    backup: passkey.isBackedUp ? 'synced' : passkey.isBackupEligible ? 'syncable' : 'device',
    createdAt: passkey.createdAt,
    lastUsedAt: passkey.lastUsedAt ?? null,
    state,
  };
}

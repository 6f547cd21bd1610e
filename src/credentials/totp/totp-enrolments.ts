import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, sha256, type SealedAgain, sealAgain } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { fromUuid, toUuid } from '#kernel/ids.ts';
import type { Policies } from '#settings/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { nothingElse, type WrittenWith } from '../written-with.ts';
import type { FactorEndings, TellOwner } from '../second-factors/second-factor-notice.ts';
import { inGroups, matchingStep, newTotpSecret, type TotpSecret, totpUri } from './totp-secret.ts';
import type { TotpService } from './totp-service.ts';
import { TOTP_ENROLMENT_LIFETIME } from '../lifetimes.ts';
import { userTotpAdded } from '../events.ts';
import QRCode from 'qrcode';

/** A QR code as one SVG path on a square of `size`, for the page to draw: no request carries what it says. */
export type QrCode = { size: number; path: string };

/** ISO/IEC 18004 §6.3.8 asks for four modules of quiet around it; on our white plate two are enough. */
const QUIET = 2;

/** A QR code of a text as an SVG path with its size in modules, error correction level M. */
export function qrCode(text: string): QrCode {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const rows = Array.from({ length: modules.size }, (_, y) => {
    const dark = Array.from({ length: modules.size }, (_, x) => (modules.get(y, x) ? '#' : ' ')).join('');
    return [...dark.matchAll(/#+/g)]
      .map(({ index, 0: run }) => `M${index + QUIET} ${y + QUIET}h${run.length}v1h-${run.length}z`)
      .join('');
  });
  return { size: modules.size + 2 * QUIET, path: rows.join('') };
}

/** The values on the page. */
type TotpOffer = {
  qr: QrCode;
  /** `otpauth://totp/…`, for an app on the same device. */
  uri: string;
  /** Base32 in groups of four. */
  key: string;
};

type TotpConfirmation =
  | { kind: 'confirmed' }
  | { kind: 'wrong' }
  /** The secret that was shown is no longer good: another one must be. */
  | { kind: 'expired' };

/** A user, and the sign-in (its uid) or the session (its id) in which the secret is shown. */
type Enrolling = { userId: UserId; holder: string };

type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
  audit: Pick<AuditLog, 'record'>;
  totp: Pick<TotpService, 'save'>;
  accessRevocation: FactorEndings;
  tellOwner: TellOwner;
  policies: Policies<'mfa' | 'branding'>;
};

/** Adding an authenticator app: a secret is shown, and counts when a code of it comes back to where it was shown. */
export class TotpEnrolments {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** A secret to show; the same one until it is confirmed or 15 minutes are over, so that a page may be loaded again. */
  async offer({ userId, holder, account }: Enrolling & { account: string }): Promise<TotpOffer> {
    const { clock, database, keyRing, policies } = this.#deps;
    const fresh = newTotpSecret();
    const [row] = await database.sql<{ sealed: string }>(
      `insert into totp_enrolment as e (user_id, holder_hash, sealed, expires_at) values ($1, $2, $3, $4)
       on conflict (user_id, holder_hash) do update set
         sealed = case when e.expires_at <= $5 then excluded.sealed else e.sealed end,
         expires_at = case when e.expires_at <= $5 then excluded.expires_at else e.expires_at end
       returning sealed`,
      [
        toUuid(userId),
        sha256(holder),
        keyRing.seal(fresh.secret, sealPlace(userId)),
        fromNow(clock, TOTP_ENROLMENT_LIFETIME),
        clock.now(),
      ],
    );
    const secret = { ...fresh, secret: keyRing.open(row?.sealed ?? '', sealPlace(userId)) };
    const uri = totpUri(secret, policies.for({ user: userId }).branding.name, account);
    return { qr: qrCode(uri), uri, key: inGroups(secret.secret) };
  }

  /**
   * Turns the app on when the code is one of the secret shown; an app that was there before is replaced. `prepare` gives what is written
   * in the same transaction.
   */
  async confirm(
    { userId, holder, code, name }: Enrolling & { code: string; name: string },
    by: By,
    prepare: WrittenWith = nothingElse,
  ): Promise<TotpConfirmation> {
    const { clock, database, audit, totp, accessRevocation, tellOwner, policies } = this.#deps;
    const shown = await this.#find(userId, holder);
    if (!shown) return { kind: 'expired' };
    const window = policies.for({ user: userId }).mfa.totpWindow;
    const step = matchingStep(shown.secret, code, { clock, window });
    if (step === null) return { kind: 'wrong' };
    const writeRest = await prepare();
    return database.transaction(async (em) => {
      const taken = await em.execute<unknown[]>(
        'delete from totp_enrolment where user_id = ? and holder_hash = ? and sealed = ? returning user_id',
        [toUuid(userId), sha256(holder), shown.sealed],
      );
      if (taken.length === 0) return { kind: 'expired' };
      await totp.save(em, userId, { ...shown.secret, name, lastStep: step });
      await accessRevocation.revoke(em, 'passkey or authenticator app added', userId, by);
      await writeRest(em);
      await audit.record(
        em,
        userTotpAdded({
          ...by,
          subject: { type: 'user', id: userId },
          details: { name },
        }),
      );
      await tellOwner(em, { kind: 'totp_added', userId, name, visitor: by.visitor });
      return { kind: 'confirmed' };
    });
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#deps.database.sql(
      `delete from totp_enrolment where (user_id, holder_hash) in
         (select user_id, holder_hash from totp_enrolment where expires_at < $1 limit $2) returning 1`,
      [this.#deps.clock.now(), batch],
    );
    return rows.length;
  }

  /** Seals shown secrets under the first secret of the ring. */
  reencrypt(): Promise<SealedAgain> {
    return sealAgain<{ user_id: string; holder_hash: Buffer }>(this.#deps, {
      table: 'totp_enrolment',
      column: 'sealed',
      key: ['user_id', 'holder_hash'],
      place: ({ user_id: id }) => sealPlace(fromUuid('usr', id)),
    });
  }

  async #find(userId: UserId, holder: string): Promise<{ sealed: string; secret: TotpSecret } | null> {
    const { clock, database, keyRing } = this.#deps;
    const [row] = await database.sql<{ sealed: string }>(
      'select sealed from totp_enrolment where user_id = $1 and holder_hash = $2 and expires_at > $3',
      [toUuid(userId), sha256(holder), clock.now()],
    );
    if (!row) return null;
    const secret = keyRing.open(row.sealed, sealPlace(userId));
    return { sealed: row.sealed, secret: { ...newTotpSecret(), secret } };
  }
}

const sealPlace = (userId: UserId) => `totp_enrolment.sealed:${userId}`;

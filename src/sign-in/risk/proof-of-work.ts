import { randomInt } from 'node:crypto';
import { createChallenge, type Payload, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/sha';
import { defineEntity, p } from '@mikro-orm/core';
import { type Clock, fromNow } from '#kernel/clock.ts';
import { type KeyRing, sha256 } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import type { Pressure } from './pressure.ts';
import { CHALLENGE_LIFETIME, LEAST_WORK, LONGEST_WORK_ANSWER, MOST_WORK } from './limits.ts';

const UsedProofOfWorkSchema = defineEntity({
  name: 'UsedProofOfWork',
  tableName: 'proof_of_work',
  properties: {
    challengeHash: p.blob().columnType('bytea').primary().$type<Buffer>(),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('proof_of_work_expires_at_index'),
  },
});
/** A solved challenge, stored until it expires so that it counts once (table `proof_of_work`). */
export class UsedProofOfWork extends UsedProofOfWorkSchema.class {}
UsedProofOfWorkSchema.setClass(UsedProofOfWork);

type WorkOutcome = 'passed' | 'missing';

/** Self-hosted proof of work (ALTCHA): asked for under pressure alone, solved by the page without a click. */
export class ProofOfWork {
  readonly #clock: Clock;
  readonly #database: Pick<Database, 'sql'>;
  readonly #pressure: Pick<Pressure, 'isOn'>;
  readonly #secret: string;
  readonly #keySecret: string;

  constructor(
    clock: Clock,
    database: Pick<Database, 'sql'>,
    keyRing: Pick<KeyRing, 'deriveKey'>,
    pressure: Pick<Pressure, 'isOn'>,
  ) {
    this.#clock = clock;
    this.#database = database;
    this.#pressure = pressure;
    this.#secret = keyRing.deriveKey('proof-of-work').export().toString('base64url');
    this.#keySecret = keyRing.deriveKey('proof-of-work-key').export().toString('base64url');
  }

  /** The challenge that a page must solve before its form is read; null without an attack. */
  async challenge(ip: string): Promise<string | null> {
    if (!(await this.#pressure.isOn(ip))) return null;
    const challenge = await createChallenge({
      algorithm: 'SHA-256',
      cost: 1,
      counter: randomInt(LEAST_WORK, MOST_WORK),
      deriveKey,
      expiresAt: fromNow(this.#clock, CHALLENGE_LIFETIME),
      hmacSignatureSecret: this.#secret,
      hmacKeySignatureSecret: this.#keySecret,
    });
    return JSON.stringify(challenge);
  }

  /** Whether a form may be looked at. Each answer is good once. */
  async check(ip: string, answer: string | undefined): Promise<WorkOutcome> {
    if (!(await this.#pressure.isOn(ip))) return 'passed';
    const payload = read(answer);
    if (payload === null) return 'missing';
    const { expiresAt = 0 } = payload.challenge.parameters;
    if (!(await this.#isSolved(payload)) || expiresAt * 1000 < this.#clock.now().getTime()) return 'missing';
    const used = await this.#database.sql(
      'insert into proof_of_work (challenge_hash, expires_at) values ($1, $2) on conflict do nothing returning 1',
      [sha256(String(payload.challenge.signature)), fromNow(this.#clock, CHALLENGE_LIFETIME)],
    );
    return used.length > 0 ? 'passed' : 'missing';
  }

  async purge(batch = 5000): Promise<number> {
    const rows = await this.#database.sql(
      'delete from proof_of_work where challenge_hash in (select challenge_hash from proof_of_work where expires_at < $1 limit $2) returning 1',
      [this.#clock.now(), batch],
    );
    return rows.length;
  }

  /** Whatever is sent is a claim: what the library cannot read is not solved. */
  async #isSolved({ challenge, solution }: Payload): Promise<boolean> {
    try {
      const { verified } = await verifySolution({
        challenge,
        solution,
        deriveKey,
        hmacSignatureSecret: this.#secret,
        hmacKeySignatureSecret: this.#keySecret,
      });
      return verified;
    } catch {
      return false;
    }
  }
}

function read(answer: string | undefined): Payload | null {
  if (answer === undefined || answer === '' || answer.length > LONGEST_WORK_ANSWER) return null;
  try {
    const payload = JSON.parse(answer) as Partial<Payload> | null;
    return typeof payload?.challenge?.parameters === 'object' && typeof payload.solution === 'object'
      ? (payload as Payload)
      : null;
  } catch {
    return null;
  }
}

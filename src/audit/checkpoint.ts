/** Checkpoints: the ends of all chains, signed, to be kept where an attacker with the database cannot change them. */
import { open } from 'node:fs/promises';
import { flattenedVerify, FlattenedSign, type FlattenedJWS, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { type Clock, epochSeconds, MINUTE, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import type { JobDefinition } from '#kernel/jobs.ts';
import type { Log } from '#kernel/log.ts';
import { checkpointRefused } from './errors.ts';

const ALGORITHM = 'ES256';
/** RFC 8725 §3.11: a token of this type is nothing else. */
const TYPE = 'latchkey-audit-checkpoint+jws';

const payloadSchema = z.object({
  iss: z.string(),
  iat: z.number(),
  chains: z.record(z.string(), z.object({ sequence: z.string().regex(/^\d+$/), seal: z.string() })),
});
const lineSchema = z.object({ protected: z.string(), payload: z.string(), signature: z.string() });

export type Checkpoint = z.infer<typeof payloadSchema>;

/** The signing key of this installation, and the public halves of all its earlier keys. */
export type CheckpointKeys = {
  findSigningKeys(): readonly (JWK & { alg: string; kid: string })[];
  findPublicJwk(kid: string): Promise<JWK | null>;
};

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'sql'>;
  keys: CheckpointKeys;
  issuer: string;
  /** File to which checkpoints are added, if any. */
  file: string | undefined;
  log: Pick<Log, 'info'>;
};

const ENDS = `
  with recursive chain as (
    (select min(chain) as name from audit_seal)
    union all select (select min(s.chain) from audit_seal s where s.chain > chain.name) from chain where chain.name is not null
  )
  select chain.name as chain, last.sequence::text, last.seal from chain,
    lateral (select sequence, seal from audit_seal s where s.chain = chain.name order by sequence desc limit 1) last`;

/** Writes and verifies signed checkpoints of the chains. */
export class Checkpoints {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Where the chains end now, as a JWS in compact form (RFC 7515 §7.1). */
  async make(): Promise<{ checkpoint: string; chains: Checkpoint['chains'] }> {
    const { clock, database, keys, issuer } = this.#deps;
    const rows = await database.sql<{ chain: string; sequence: string; seal: Uint8Array }>(ENDS);
    const chains = Object.fromEntries(
      rows.map(({ chain, sequence, seal }) => [chain, { sequence, seal: Buffer.from(seal).toString('base64url') }]),
    );
    const key = keys.findSigningKeys().find(({ alg }) => alg === ALGORITHM);
    if (!key) throw new Error(`there is no key for ${ALGORITHM}`);
    const payload = JSON.stringify({ iss: issuer, iat: epochSeconds(clock), chains } satisfies Checkpoint);
    const jws = await new FlattenedSign(Buffer.from(payload))
      .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: TYPE })
      .sign(await importJWK(key, ALGORITHM));
    return { checkpoint: [jws.protected, jws.payload, jws.signature].join('.'), chains };
  }

  /** Takes a checkpoint out of the database: a line of the log, and one of the file where there is one. */
  async publish(): Promise<void> {
    const { checkpoint } = await this.make();
    // In parts, because a log shows no token.
    const [header, payload, signature] = checkpoint.split('.');
    this.#deps.log.info({ checkpoint: { protected: header, payload, signature } }, 'checkpoint of the audit log');
    if (this.#deps.file === undefined) return;
    const file = await open(this.#deps.file, 'a', 0o600);
    try {
      await file.appendFile(`${checkpoint}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /**
   * Reads lines that each hold a checkpoint: in compact form, as the command prints it, or as the log has it.
   * @throws audit.checkpoint_refused
   */
  async read(text: string): Promise<Checkpoint[]> {
    const checkpoints: Checkpoint[] = [];
    for (const [index, line] of linesOf(text).entries())
      if (line.trim() !== '') checkpoints.push(await this.#readLine(line.trim(), index + 1));
    return checkpoints;
  }

  async #readLine(text: string, line: number): Promise<Checkpoint> {
    const jws = partsOf(text);
    if (jws === null) throw checkpointRefused(line, 'it is no signed checkpoint');
    let signed: Uint8Array;
    try {
      ({ payload: signed } = await flattenedVerify(
        jws,
        async ({ kid, typ }) => {
          const key = typ === TYPE && kid !== undefined ? await this.#deps.keys.findPublicJwk(kid) : null;
          if (key === null) throw new Error('unknown key');
          return importJWK(key, ALGORITHM);
        },
        { algorithms: [ALGORITHM] },
      ));
    } catch {
      throw checkpointRefused(line, 'this installation has not signed it');
    }
    const { data } = payloadSchema.safeParse(JSON.parse(Buffer.from(signed).toString()));
    if (!data) throw checkpointRefused(line, 'it is no signed checkpoint');
    if (data.iss !== this.#deps.issuer) throw checkpointRefused(line, `it is of another installation, ${data.iss}`);
    return data;
  }
}

/** The job that publishes a checkpoint, every day. */
export function checkpointJob(checkpoints: Pick<Checkpoints, 'publish'>): JobDefinition {
  return {
    schedule: '10 0 * * *',
    retries: 5,
    backoff: { first: 10 * SECOND, max: 10 * MINUTE },
    expire: MINUTE,
    handler: () => checkpoints.publish(),
  };
}

/** The answer of the command as JSON takes several lines. */
function linesOf(text: string): string[] {
  try {
    const answer = z.strictObject({ checkpoint: z.string() }).safeParse(JSON.parse(text));
    if (answer.success) return [answer.data.checkpoint];
  } catch {
    // Lines that are no JSON together.
  }
  return text.split('\n');
}

function partsOf(text: string): FlattenedJWS | null {
  const [header, payload, signature, ...rest] = text.replace(/^checkpoint\s+/, '').split('.');
  if (!text.startsWith('{'))
    return header && payload && signature && rest.length === 0 ? { protected: header, payload, signature } : null;
  try {
    const line = JSON.parse(text) as { checkpoint?: unknown };
    return lineSchema.safeParse(line.checkpoint ?? line).data ?? null;
  } catch {
    return null;
  }
}

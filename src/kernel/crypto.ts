import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** SHA-256 digest; what is kept of every bearer secret. Text is hashed as UTF-8. */
export function sha256(data: string | Buffer): Buffer {
  return hash('sha256', data, 'buffer');
}

/** A secret of `bytes` random bytes (256 bits unless said otherwise) as base64url text. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

/** Compares in a time that depends neither on the contents nor, as digests are compared, on the lengths. */
export function equalSecrets(a: string | Buffer, b: string | Buffer): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

export type KeyRing = Readonly<{
  /**
   * Encrypts under the first secret (AES-256-GCM, random 96-bit IV).
   * `associatedData` names the place of the text (`table.column:id`), so that it opens nowhere else.
   */
  seal(plaintext: string, associatedData: string): string;
  /** Throws `SealError` when the text is damaged, was sealed for another place, or its secret is no longer in the ring. */
  open(sealed: string, associatedData: string): string;
  /** Whether the text is sealed under the first secret; one that is not wants to be sealed again. */
  isCurrent(sealed: string): boolean;
  /**
   * 32 bytes for one purpose, of the first secret. Different labels give unrelated keys. It is a key object because Node
   * spends four times as long on a MAC whose key is a buffer.
   */
  deriveKey(label: string): KeyObject;
  /** The same for all secrets, the first one first: sign with the first, verify with each. */
  deriveKeys(label: string): KeyObject[];
}>;

/** A sealed text cannot be opened: its key is missing, it was changed, or it belongs to another place. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

const SECRET_BYTES = 32;
/** NIST SP 800-38D §8.2.2: a random IV of 96 bits; 2^32 texts a key keep collisions negligible. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 'lk1';

/** A ring of secrets: the first encrypts, all decrypt. Refuses none, short (below 32 bytes) and equal ones. */
export function createKeyRing(secrets: readonly string[]): KeyRing {
  if (secrets.length === 0) throw new SealError('A key ring needs a secret.');
  if (secrets.some((secret) => Buffer.byteLength(secret) < SECRET_BYTES)) {
    throw new SealError(`Each secret of a key ring must be at least ${SECRET_BYTES} bytes long.`);
  }
  if (new Set(secrets).size !== secrets.length) throw new SealError('A key ring must hold each secret once.');

  const keys = secrets.map((secret) => ({ id: keyId(secret), key: createSecretKey(derive(secret, 'latchkey seal')) }));
  const first = keys[0] as (typeof keys)[number];
  // A domain of its own, so that no label of a caller can ever name the sealing key.
  const purpose = (label: string) => `latchkey purpose: ${label}`;

  return Object.freeze({
    seal(plaintext, associatedData) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', first.key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(associatedData));
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return [FORMAT, first.id, Buffer.concat([iv, ciphertext, cipher.getAuthTag()]).toString('base64url')].join('.');
    },

    open(sealed, associatedData) {
      const { id, body } = parse(sealed);
      const match = keys.find((candidate) => candidate.id === id);
      if (!match)
        throw new SealError(
          `No secret of the key ring has the id ${id}. Put it back: one was removed before its texts were sealed again, or this database belongs to another LATCHKEY_SECRETS.`,
        );
      const decipher = createDecipheriv('aes-256-gcm', match.key, body.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(associatedData));
      decipher.setAuthTag(body.subarray(-TAG_BYTES));
      try {
        return decipher.update(body.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new SealError('A sealed text is damaged or belongs to another place.', { cause });
      }
    },

    isCurrent: (sealed) => parse(sealed).id === first.id,
    deriveKey: (label) => createSecretKey(derive(secrets[0] as string, purpose(label))),
    deriveKeys: (label) => secrets.map((secret) => createSecretKey(derive(secret, purpose(label)))),
  } satisfies KeyRing);
}

function parse(sealed: string): { id: string; body: Buffer } {
  const [format, id, text, ...rest] = sealed.split('.');
  const body = Buffer.from(text ?? '', 'base64url');
  if (format !== FORMAT || !id || rest.length > 0 || body.length < IV_BYTES + TAG_BYTES)
    throw new SealError('This is no sealed text.');
  return { id, body };
}

/** RFC 5869, without salt: the secrets are uniformly random already. */
function derive(secret: string, info: string, bytes = 32): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, bytes));
}

/** Says which secret a text needs, without saying anything about the secret. */
function keyId(secret: string): string {
  return derive(secret, 'latchkey key id', 6).toString('base64url');
}

/** A column of texts under the key ring. */
type SealedColumn<Row extends Record<string, unknown>> = Readonly<{
  table: string;
  column: string;
  /** Of a column of JSON: the member with the text. */
  member?: string;
  /** The columns that name a row. */
  key: readonly (keyof Row & string)[];
  /** Where the text of a row belongs. */
  place(row: Row): string;
}>;

type Sealing = {
  database: { sql<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> };
  keyRing: Pick<KeyRing, 'seal' | 'open' | 'isCurrent'>;
};
export type SealedAgain = { checked: number; changed: number };

/** Seals every text of a column under the first secret of the ring. May be broken off and called again. */
export async function sealAgain<Row extends Record<string, unknown>>(
  { database, keyRing }: Sealing,
  { table, column, member, key, place }: SealedColumn<Row>,
): Promise<SealedAgain> {
  const text = member === undefined ? column : `${column} ->> '${member}'`;
  const rows = await database.sql<Row & { sealed_text: string }>(
    `select ${key.join(', ')}, ${text} as sealed_text from ${table} where ${text} is not null`,
  );
  const next = member === undefined ? '$1' : `jsonb_set(${column}, '{${member}}', to_jsonb($1::text))`;
  const named = key.map((name, index) => `${name} = $${index + 3}`).join(' and ');
  let changed = 0;
  for (const row of rows.filter(({ sealed_text: sealed }) => !keyRing.isCurrent(sealed))) {
    const { sealed_text: sealed } = row;
    const again = keyRing.seal(keyRing.open(sealed, place(row)), place(row));
    // Only what was read is replaced, so that a text that was changed or removed meanwhile stays so.
    const done = await database.sql(
      `update ${table} set ${column} = ${next} where ${text} = $2 and ${named} returning 1`,
      [again, sealed, ...key.map((name) => row[name])],
    );
    changed += done.length;
  }
  return { checked: rows.length, changed };
}

/** Does the same for several columns. */
export async function sealAllAgain(columns: readonly (() => Promise<SealedAgain>)[]): Promise<SealedAgain> {
  const sum = { checked: 0, changed: 0 };
  for (const again of columns) {
    const { checked, changed } = await again();
    sum.checked += checked;
    sum.changed += changed;
  }
  return sum;
}

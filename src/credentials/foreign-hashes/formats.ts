import { z } from 'zod';
import { aspnetForm } from './aspnet-identity.ts';
import { HashRefusal } from './family.ts';
import { firebaseForm } from './firebase-scrypt.ts';
import { hmacForm } from './hmac.ts';
import { keycloakForm } from './keycloak.ts';
import { readForeignHash, schemes } from './registry.ts';
import { decoded, digests, saltedDigestForm } from './salted-digest.ts';

const number = z.coerce.number().int();
const encoding = z.enum(['utf8', 'hex', 'base64']);

const firebaseParameters = z.strictObject({
  signer_key: z.string(),
  salt_separator: z.string().default(''),
  rounds: number,
  mem_cost: number,
  salt: z.string().default(''),
});
const digestParameters = z.strictObject({
  algorithm: z.enum(digests),
  template: z.string().default('{salt}{password}'),
  salt: z.string().default(''),
  salt_encoding: encoding.default('utf8'),
  encoding: z.enum(['hex', 'base64']).default('hex'),
});

const hmacParameters = z.strictObject({
  algorithm: z.enum(digests),
  key: z.string(),
  key_encoding: encoding.default('utf8'),
  encoding: z.enum(['hex', 'base64']).default('hex'),
});

function parsed<T>(schema: z.ZodType<T>, parameters: unknown): T {
  const result = schema.safeParse(parameters ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new HashRefusal(`password_hash_parameters.${issue?.path.join('.')}: ${issue?.message}`);
}

/** Formats whose hashes do not say what they are: what is kept is made of hash and parameters. */
const written: Readonly<Record<string, (hash: string, parameters: unknown) => string>> = {
  keycloak: keycloakForm,
  'aspnet-identity': aspnetForm,
  'firebase-scrypt'(hash, given) {
    if (hash.startsWith('$firebase-scrypt$')) return hash;
    const {
      signer_key: signerKey,
      salt_separator: saltSeparator,
      rounds,
      mem_cost: memoryCost,
      salt,
    } = parsed(firebaseParameters, given);
    return firebaseForm(hash, { signerKey, saltSeparator, rounds, memoryCost, salt });
  },
  'salted-digest'(hash, given) {
    if (hash.startsWith('$digest-')) return hash;
    const { algorithm, template, salt, salt_encoding: saltEncoding, encoding } = parsed(digestParameters, given);
    return saltedDigestForm({
      digest: algorithm,
      template,
      salt: decoded('the salt', salt, saltEncoding),
      expected: decoded('the hash', hash, encoding),
    });
  },
  hmac(hash, given) {
    if (hash.startsWith('$hmac-')) return hash;
    const { algorithm, key, key_encoding: keyEncoding, encoding } = parsed(hmacParameters, given);
    return hmacForm(algorithm, decoded('the key', key, keyEncoding), decoded('the hash', hash, encoding));
  },
};

export type GivenHash = { hash: string; format?: string | undefined; parameters?: unknown };

/** The text that is kept of a hash as a file names it, with its scheme. Throws HashRefusal with what is wrong. */
export function foreignHash({ hash, format, parameters }: GivenHash): { hash: string; scheme: string } {
  if (format !== undefined && /^plain/i.test(format))
    throw new HashRefusal('a password in plain text is given as password, not as password_hash');
  if (format !== undefined && !schemes.includes(format) && !Object.hasOwn(written, format))
    throw new HashRefusal(`${format} is no known format; known are keycloak, ${schemes.join(', ')}`);
  const text = written[format ?? '']?.(hash, parameters) ?? hash;
  const { scheme } = readForeignHash(text);
  if (format !== undefined && format !== scheme && format !== 'keycloak')
    throw new HashRefusal(`is ${scheme}, not ${format}`);
  return { hash: text, scheme };
}

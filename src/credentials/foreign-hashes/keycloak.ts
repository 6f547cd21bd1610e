import { z } from 'zod';
import { HashRefusal } from './family.ts';

const text = z.string().regex(/^[^$]*$/);

/** `credentialData` of an export and the hash of its `secretData` (each JSON within JSON), or their members next to each other. */
const credential = z.object({
  algorithm: z.string(),
  hashIterations: z.coerce.number().int(),
  salt: text,
  value: text,
});

/** Of argon2, as Keycloak names them: each has a list with one value. None has a default, because a guess never finds the password. */
const argon2Parameters = ['type', 'version', 'memory', 'parallelism'] as const;
const argon2Versions: Readonly<Record<string, number>> = { '1.0': 16, '1.3': 19 };

const unpadded = (base64: string) => base64.replace(/=+$/, '');

/** The text that is kept of a credential of Keycloak: PBKDF2 or argon2 in PHC form, or bcrypt. */
export function keycloakForm(given: unknown): string {
  const { credentialData, secretData, ...members } = record(typeof given === 'string' ? json(given) : given);
  const { salt, value } = secretData === undefined ? members : inner(secretData);
  const about = credentialData === undefined ? members : inner(credentialData);
  // The extension for bcrypt keeps a whole hash, which says its parameters.
  if (typeof value === 'string' && /^\$2[aby]\$/.test(value)) return value;
  const parsed = credential.safeParse({ ...about, salt, value });
  if (!parsed.success) throw new HashRefusal(missing(parsed.error.issues.map(({ path }) => path.join('.'))));
  return parsed.data.algorithm === 'argon2'
    ? argon2Form(parsed.data, about['additionalParameters'])
    : pbkdf2Form(parsed.data);
}

function argon2Form({ hashIterations, salt, value }: z.infer<typeof credential>, given: unknown): string {
  const parameters = given === undefined || given === null ? {} : record(given);
  const [type, version, memory, parallelism] = argon2Parameters.map((name) => {
    const [first]: unknown[] = [parameters[name]].flat();
    return typeof first === 'string' || typeof first === 'number' ? String(first) : undefined;
  });
  const without = argon2Parameters.filter((_, at) => [type, version, memory, parallelism][at] === undefined);
  if (without.length > 0) throw new HashRefusal(missing(without.map((name) => `additionalParameters.${name}`)));
  const number = argon2Versions[version ?? ''];
  if (number === undefined) throw new HashRefusal(`version ${version} of argon2 is not known; known are 1.0 and 1.3`);
  return `$argon2${type}$v=${number}$m=${memory},t=${hashIterations},p=${parallelism}$${unpadded(salt)}$${unpadded(value)}`;
}

function pbkdf2Form({ algorithm, hashIterations, salt, value }: z.infer<typeof credential>): string {
  const digest = /^pbkdf2(?:-(sha256|sha512))?$/.exec(algorithm);
  if (!digest) throw new HashRefusal(`${algorithm} is no algorithm of Keycloak that is known`);
  return `$pbkdf2-${digest[1] ?? 'sha1'}$i=${hashIterations}$${salt}$${value}`;
}

const missing = (names: readonly string[]): string => `the credential of Keycloak has no valid ${names.join(', ')}`;

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HashRefusal('a credential of Keycloak is JSON');
  }
}

function record(value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== 'object') throw new HashRefusal('a credential of Keycloak is a JSON object');
  return value as Record<string, unknown>;
}

const inner = (data: unknown): Record<string, unknown> => record(typeof data === 'string' ? json(data) : (data ?? {}));

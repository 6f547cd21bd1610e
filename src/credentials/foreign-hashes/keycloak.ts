import { z } from 'zod';
import { HashRefusal } from './family.ts';

const one = (fallback: string) => z.array(z.string()).length(1).default([fallback]);
const text = z.string().regex(/^[^$]*$/);

/** `credentialData` and `secretData` of an export (each JSON within JSON), or their members side by side. */
const credential = z.object({
  algorithm: z.string().default('pbkdf2-sha256'),
  hashIterations: z.coerce.number().int(),
  salt: text,
  value: text,
  additionalParameters: z
    .object({ type: one('id'), version: one('1.3'), memory: one('65536'), parallelism: one('1') })
    .partial()
    .default({}),
});

const unpadded = (base64: string) => base64.replace(/=+$/, '');

/** The text that is kept of a credential of Keycloak: PBKDF2 or argon2 in PHC form. */
export function keycloakForm(given: unknown): string {
  const outer = typeof given === 'string' ? json(given) : given;
  const { credentialData, secretData, ...members } = record(outer);
  const parsed = credential.safeParse({ ...members, ...inner(credentialData), ...inner(secretData) });
  if (!parsed.success) throw new HashRefusal('a credential of Keycloak has hashIterations, algorithm, salt and value');
  const { algorithm, hashIterations, salt, value, additionalParameters } = parsed.data;
  if (algorithm === 'argon2') {
    const { type = ['id'], version = ['1.3'], memory = ['65536'], parallelism = ['1'] } = additionalParameters;
    const number = version[0] === '1.0' ? 16 : 19;
    return `$argon2${type[0]}$v=${number}$m=${memory[0]},t=${hashIterations},p=${parallelism[0]}$${unpadded(salt)}$${unpadded(value)}`;
  }
  const digest = /^pbkdf2(?:-(sha256|sha512))?$/.exec(algorithm);
  if (!digest) throw new HashRefusal(`${algorithm} is no algorithm of Keycloak that is known`);
  return `$pbkdf2-${digest[1] ?? 'sha1'}$i=${hashIterations}$${salt}$${value}`;
}

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

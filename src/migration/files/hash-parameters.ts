import { readFile } from 'node:fs/promises';
import { isObject, type Members } from '../sources/members.ts';
import { FileProblem } from './numbered.ts';

/** The names that the console of Firebase writes, and ours. */
const NAMES: Readonly<Record<string, string>> = {
  base64_signer_key: 'signer_key',
  base64_salt_separator: 'salt_separator',
};

/**
 * The parameters that all hashes of a file share: a JSON object, or what the console of Firebase shows (`hash_config { … }`). Throws
 * FileProblem.
 */
export async function readHashParameters(path: string): Promise<Record<string, unknown>> {
  const text = (await readFile(path, 'utf8')).replace(/^\ufeff/, '').trim();
  const given = /^hash_config\s*\{/.test(text) ? fromConsole(text) : fromJson(text);
  const config = isObject(given['hash_config']) ? given['hash_config'] : given;
  const isFirebase = Object.keys(config).some((name) => name in NAMES);
  return Object.fromEntries(
    Object.entries(config)
      .filter(([name, value]) => !(isFirebase && name === 'algorithm' && value === 'SCRYPT'))
      .map(([name, value]) => [NAMES[name] ?? name, value]),
  );
}

function fromJson(text: string): Members {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Said below, without the text of the file, which has a key.
  }
  throw new FileProblem('--hash-parameters must name a file with a JSON object');
}

function fromConsole(text: string): Members {
  const pairs = [...text.matchAll(/(\w+):\s*("[^"]*"|[^\s,}]+)/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value.replaceAll('"', '')]));
}

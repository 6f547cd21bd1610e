import { LONGEST_SALT } from '../limits.ts';

/**
 * Hashes that another system made. Each family reads its own text and says how a password is compared with it; what a hash
 * may cost is bounded where it is parsed, so that no imported hash can take the service down.
 */
export class HashRefusal extends Error {
  override readonly name = 'HashRefusal';
}

/** Compares the bytes of a password, in a time that does not depend on where they differ. */
export type Check = (password: Buffer) => Promise<boolean>;

export type Family = {
  /** Public data stored with the hash. */
  scheme: string;
  /** How a hash of this family begins. */
  prefix: RegExp;
  /** Throws HashRefusal when the hash is damaged, or dearer than we compute. */
  read(hash: string): Check;
};

/** Groups of a damaged hash are named by what they should have been. */
export function matched(pattern: RegExp, hash: string, shape: string): (string | undefined)[] {
  const found = pattern.exec(hash);
  if (!found) throw new HashRefusal(`must look like ${shape}`);
  return found.slice(1);
}

/** Reads a whole number from `least` to `most`. Throws HashRefusal with the name `what` otherwise. */
export function bounded(what: string, text: string | number | undefined, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new HashRefusal(`${what} must be from ${least} to ${most}`);
  return value;
}

/** Base64 of either alphabet, padded or not; passlib writes `.` for `+`. */
export function base64Bytes(what: string, text: string | undefined, least = 0, most = LONGEST_SALT): Buffer {
  if (text === undefined || !/^[A-Za-z0-9+/_.-]*={0,2}$/.test(text)) throw new HashRefusal(`${what} must be base64`);
  return sized(what, Buffer.from(text.replaceAll('.', '+'), 'base64'), least, most);
}

/** Reads hexadecimal bytes, `least` to `most` of them. Throws HashRefusal with the name `what` otherwise. */
export function hexBytes(what: string, text: string, least = 0, most = LONGEST_SALT): Buffer {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw new HashRefusal(`${what} must be hexadecimal`);
  return sized(what, Buffer.from(text, 'hex'), least, most);
}

function sized(what: string, bytes: Buffer, least: number, most: number): Buffer {
  if (bytes.length < least || bytes.length > most)
    throw new HashRefusal(`${what} must have from ${least} to ${most} bytes`);
  return bytes;
}

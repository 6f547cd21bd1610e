import { fromString, fromUUID, toUUID, typeidUnboxed } from 'typeid-js';

/** A TypeID: `usr_01h455vb4pex5vsknk084sn02q` outside, a uuid (v7) in the database. The prefix is part of the type. */
export type Id<Prefix extends string> = `${Prefix}_${string}`;

/** The underscore and the 26 digits of a uuid. */
const SUFFIX_LENGTH = 27;

/** A new TypeID with this prefix; its uuid has version 7, so later ids sort later. */
export function newId<Prefix extends string>(prefix: Prefix): Id<Prefix> {
  return typeidUnboxed(prefix) as Id<Prefix>;
}

/** The uuid that the database keeps for this id. */
export function toUuid(id: Id<string>): string {
  return toUUID<string>(id as never);
}

/** The TypeID for a stored uuid. Throws if the text is not a uuid. */
export function fromUuid<Prefix extends string>(prefix: Prefix, uuid: string): Id<Prefix> {
  return fromUUID(uuid, prefix) as Id<Prefix>;
}

/** Reads an id that came from outside; null when it is no id of that prefix. */
export function parseId<Prefix extends string>(prefix: Prefix, text: string): Id<Prefix> | null {
  // Most texts that are no ids are of another length; an error is dear.
  if (text.length !== prefix.length + SUFFIX_LENGTH) return null;
  try {
    return fromString(text, prefix) as Id<Prefix>;
  } catch {
    return null;
  }
}

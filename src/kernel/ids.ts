import { fromUUID, toUUID, typeidUnboxed } from 'typeid-js';

/** A TypeID: `usr_01h455vb4pex5vsknk084sn02q` outside, a uuid (v7) in the database. The prefix is part of the type. */
export type Id<Prefix extends string> = `${Prefix}_${string}`;

/** The 128 bits of a uuid in base32 (TypeID 0.3.0); the first digit has three of them. */
const suffix = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

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
  const isId = text.startsWith(`${prefix}_`) && suffix.test(text.slice(prefix.length + 1));
  return isId ? (text as Id<Prefix>) : null;
}

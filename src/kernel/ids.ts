import { TypeID, typeid } from 'typeid-js';

/** A TypeID: `usr_01h455vb4pex5vsknk084sn02q` outside, a uuid (v7) in the database. The prefix is part of the type. */
export type Id<Prefix extends string> = `${Prefix}_${string}`;

/** A new TypeID with this prefix; its uuid has version 7, so later ids sort later. */
export function newId<Prefix extends string>(prefix: Prefix): Id<Prefix> {
  return typeid(prefix).toString() as Id<Prefix>;
}

/** The uuid that the database keeps for this id. */
export function toUuid(id: Id<string>): string {
  return TypeID.fromString(id).toUUID();
}

/** The TypeID for a stored uuid. Throws if the text is not a uuid. */
export function fromUuid<Prefix extends string>(prefix: Prefix, uuid: string): Id<Prefix> {
  return TypeID.fromUUID(prefix, uuid).toString() as Id<Prefix>;
}

/** Reads an id that came from outside; null when it is no id of that prefix. */
export function parseId<Prefix extends string>(prefix: Prefix, text: string): Id<Prefix> | null {
  try {
    return TypeID.fromString(text, prefix).toString() as Id<Prefix>;
  } catch {
    return null;
  }
}

/** A response that is no error, before it is sent. */
export type Answer = {
  status: number;
  /** Null where the caller has the representation already. */
  json: string | null;
  /** The headers that belong to the object: its entity tag, its address. */
  fields: Readonly<Record<string, string>>;
};

/** One user of a file and the line where they stand, or end. */
export type Numbered = {
  line: number;
  record: unknown;
  /** Nothing could be read there. */
  problem?: string;
  /** Why the account is left out: it belongs to no user, such as the account of a service. */
  skipped?: string;
  /** The client whose account this is; it is skipped. */
  service?: string;
  /** Members that are not taken, each with its reason. */
  warnings?: readonly string[];
};

/** A record of another product, written in our form. */
export type Mapped = Pick<Numbered, 'record' | 'skipped' | 'service' | 'warnings'>;
export type Mapping = (record: unknown) => Mapped;

/** A file, or one line of it, that cannot be read at all. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** One user of a file and the line where they stand, or end; `problem` when nothing could be read there. */
export type Numbered = { line: number; record: unknown; problem?: string };
/** How a record of another product is written in ours. */
export type Mapping = (record: unknown) => unknown;

/** A file, or one line of it, that cannot be read at all. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** Answers as JSON text. Objects that are asked often are kept as text: they were checked by the output when they were written. */

/** The answer of one object, or a page of a list. */
export type Written = { json: string } | WrittenPage;

type WrittenPage = {
  /** The member of the answer that holds the objects. */
  items: string;
  /** Each object as JSON. */
  texts: readonly string[];
  next: string | null;
  /** Given where it is asked for. */
  total?: number | undefined;
};

/** The JSON of an answer, as JSON.stringify writes it. */
export function jsonOf(written: Written): string {
  if ('json' in written) return written.json;
  const { items, texts, next, total } = written;
  const counted = total === undefined ? '' : `,"total":${total}`;
  return `{"${items}":[${texts.join(',')}],"next_cursor":${JSON.stringify(next)}${counted}}`;
}

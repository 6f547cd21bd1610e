/** Answers as JSON, which are kept where they are asked for often: their objects were checked by the output when they were written. */

/** The answer of one object, or a page of a list. */
export type Written =
  | { json: string }
  | (WrittenPage<string> & { /** The member that holds the objects. */ items: string });

/** The same one again while it is kept. */
export type WrittenObject = { readonly json: string };

/** A page whose objects are written: JSON in brackets, in UTF-8. `Next` is the position that it ends with. */
export type WrittenPage<Next = readonly (string | number)[]> = {
  objects: Buffer;
  next: Next | null;
  /** Given where it is asked for. */
  total?: number | undefined;
};

/** The bytes that go out, as text or in UTF-8. */
export type Body = { readonly json: string | Buffer };

/** The last body of a page that is kept: callers have cursors of their own, and one caller asks again and again. */
const bodies = new WeakMap<Buffer, { end: string; body: Buffer }>();

/** The body of an answer, the same as JSON.stringify writes it. Bytes where they are ready: to encode a long text again takes longer. */
export function bodyOf(written: Written): Body {
  if ('json' in written) return written;
  const { items, objects, next, total } = written;
  const counted = total === undefined ? '' : `,"total":${total}`;
  const end = `,"next_cursor":${JSON.stringify(next)}${counted}}`;
  const last = bodies.get(objects);
  if (last?.end === end) return { json: last.body };
  const body = Buffer.concat([Buffer.from(`{"${items}":`), objects, Buffer.from(end)]);
  bodies.set(objects, { end, body });
  return { json: body };
}

/**
 * The engine reads bodies itself and is lenient: it takes what is not UTF-8, drops fields beyond a thousand, and lets NUL
 * through to the database. Its own reader is left in place; the stream that it iterates is watched.
 */
import { FORM_LIMIT, parseJson, requireFormText, tooLarge } from './body.ts';
import type { Context } from './context.ts';

export type WatchedBody = { isTooLarge(): boolean };

/**
 * Makes whoever iterates the request count and check what it yields. A bad body makes the reader fail with an AppError,
 * which the engine answers with `invalid_request`.
 */
export function watchBody(ctx: Pick<Context, 'req' | 'is'>, limit = FORM_LIMIT): WatchedBody {
  const { req } = ctx;
  const iterate = req.iterator.bind(req);
  let isTooLarge = false;

  async function* watched(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const chunks: Buffer[] = [];
    let received = 0;
    // A reader that leaves before the end has a smaller limit of its own.
    let isGivenUp = true;
    try {
      for await (const chunk of source) {
        received += chunk.length;
        if (received > limit) throw tooLarge(limit);
        chunks.push(chunk);
        yield chunk;
      }
      isGivenUp = false;
    } finally {
      isTooLarge = isGivenUp && !req.destroyed;
    }
    check(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }

  function check(body: Buffer): void {
    if (body.length === 0) return;
    if (ctx.is('json', '+json')) parseJson(body);
    else requireFormText(body);
  }

  const iterator: typeof req.iterator = (options) => watched(iterate(options));
  Object.assign(req, { iterator, [Symbol.asyncIterator]: () => iterator({ destroyOnReturn: false }) });
  return { isTooLarge: () => isTooLarge };
}

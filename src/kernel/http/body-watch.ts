/**
 * The engine reads bodies itself and is lenient: it takes what is not UTF-8, drops fields beyond a thousand, and lets NUL
 * through to the database. Its own reader is left in place; the stream that it iterates is watched.
 */
import { FORM_LIMIT, parseJson, requireFormText } from './body.ts';
import type { Context } from './context.ts';

export type WatchedBody = { isTooLarge(): boolean };

/**
 * Makes every later `req.iterator()` count and check what it yields. A bad body makes the reader fail, which the engine
 * answers with `invalid_request`.
 */
export function watchBody(ctx: Pick<Context, 'req' | 'is'>, limit = FORM_LIMIT): WatchedBody {
  const { req } = ctx;
  const iterate = req.iterator.bind(req);
  let tooLarge = false;

  async function* watched(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const chunks: Buffer[] = [];
    let received = 0;
    for await (const chunk of source) {
      received += chunk.length;
      tooLarge = received > limit;
      if (tooLarge) throw new Error('the body is too large');
      chunks.push(chunk);
      yield chunk;
    }
    check(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }

  function check(body: Buffer): void {
    if (body.length === 0) return;
    if (ctx.is('json', '+json')) parseJson(body);
    else requireFormText(body);
  }

  req.iterator = (options) => watched(iterate(options)) as unknown as ReturnType<typeof req.iterator>;
  return { isTooLarge: () => tooLarge };
}

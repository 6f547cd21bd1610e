/**
 * The engine reads bodies itself and is lenient: it takes what is not UTF-8, drops fields beyond a thousand, and lets NUL
 * through to the database. Its own reader is left in place; the stream that it iterates is watched.
 */
import type { IncomingMessage } from 'node:http';
import { collect, parseJson, requireFormText, tooLarge } from './body.ts';
import type { Context } from './context.ts';
import { FORM_LIMIT } from './limits.ts';

type WatchedBody = { isTooLarge(): boolean };

/**
 * Makes the request stream deliver its body in one checked chunk. A bad body makes the reader fail with an AppError,
 * which the engine answers with `invalid_request`.
 */
export function watchBody(ctx: Pick<Context, 'req' | 'is'>, limit = FORM_LIMIT): WatchedBody {
  const { req } = ctx;
  let isTooLarge = false;

  async function read(): Promise<Buffer> {
    const body = await collect(req, limit);
    isTooLarge = body === undefined;
    if (body === undefined) throw tooLarge(limit);
    if (body.length > 0 && ctx.is('json', '+json')) parseJson(body);
    else requireFormText(body);
    return body;
  }

  const iterator = () => new OnePiece(read);
  Object.assign(req, { iterator, [Symbol.asyncIterator]: iterator } satisfies Partial<
    Record<keyof IncomingMessage, unknown>
  >);
  return { isTooLarge: () => isTooLarge };
}

/** An iterator over one thing that is read when it is asked for. A generator does the same at three times the cost. */
class OnePiece implements AsyncIterableIterator<Buffer> {
  #read: (() => Promise<Buffer>) | undefined;

  constructor(read: () => Promise<Buffer>) {
    this.#read = read;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    const read = this.#read;
    this.#read = undefined;
    const value = await read?.();
    return value === undefined || value.length === 0 ? { done: true, value: undefined } : { done: false, value };
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#read = undefined;
    return { done: true, value: undefined };
  }
}

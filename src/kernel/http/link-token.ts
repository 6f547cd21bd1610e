import type { Context } from './context.ts';
import type { BrowserCookie } from './cookies.ts';
import { seeOther } from './redirect.ts';

/** What our links carry: 256 random bits. */
const token = /^[\w-]{43}$/;

/**
 * A link out of a mail brings its token in the address. It goes on in a cookie that no script reads, and the address is clean
 * before any page is shown: no history, no referrer and no picture of the screen keeps it. True when the answer is written.
 */
export function keepToken(
  ctx: Pick<Context, 'query' | 'path' | 'status' | 'body' | 'set' | 'cookies'>,
  cookie: BrowserCookie,
): boolean {
  const given = ctx.query['token'];
  if (given === undefined) return false;
  if (typeof given === 'string' && token.test(given)) cookie.write(ctx, given);
  else cookie.clear(ctx);
  seeOther(ctx, ctx.path);
  return true;
}

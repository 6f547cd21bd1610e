import { sha256 } from '../crypto.ts';
import type { Context } from './context.ts';
import { browserCookies } from './cookies.ts';
import { seeOther } from './redirect.ts';
import { LINK_COOKIE_LIFETIME, MOST_LINK_COOKIES, SHORTEST_SECRET_PART } from './limits.ts';

/**
 * The pages behind one kind of link that we mail. The link carries its secret as `?token=` or as the last segment of its path.
 * Before any page is shown the secret moves into a cookie that no script reads, and the browser goes on at an address that
 * names this cookie and opens nothing by itself: history, Referer, logs of proxies and screenshots hold no secret. Each link
 * has a cookie of its own, so that several can be open in one browser.
 */
export type MailedLink = {
  /**
   * Takes the secret out of the address; true when it wrote the answer, a redirect to the page without the secret.
   * `page` is the path before the last segment of that page, by default the path of the link without its secret.
   */
  keep(ctx: LinkContext, page?: string): boolean;
  /** The secret that the address of this page stands for; empty when this browser holds none. */
  read(ctx: LinkContext): string;
  /** After use: the page then says that the link no longer works. */
  forget(ctx: LinkContext): void;
};

type LinkContext = Pick<Context, 'params' | 'path' | 'query' | 'status' | 'body' | 'set' | 'cookies' | 'req'>;

/** 256 random bits as base64url, as all our links have. */
const SECRET = /^[\w-]{43}$/;
/** 72 bits of a hash: tells links apart, and gives nothing back of the secret. */
const NAME = /^[\w-]{12}$/;
/** Stands in the address in place of what is no link of ours, such as one that a mail program broke. */
const BROKEN = 'broken';

/** @param kind a part of the cookie's name: the cookie of one kind is nothing to the pages of another. */
export function mailedLink(issuer: URL, kind: string): MailedLink {
  const cookies = browserCookies(issuer, `link-${kind}`, { maxAge: LINK_COOKIE_LIFETIME });
  const nameOf = (secret: string): string => sha256(`${kind}:${secret}`).toString('base64url').slice(0, 12);

  function write(ctx: LinkContext, name: string, secret: string): void {
    // A browser sends the oldest first (RFC 6265 §5.4).
    const others = cookies.readAll(ctx).filter(([held]) => held !== name);
    for (const [held] of others.slice(0, Math.max(0, others.length + 1 - MOST_LINK_COOKIES))) cookies.clear(ctx, held);
    cookies.write(ctx, name, secret);
  }

  return {
    keep(ctx, page) {
      const { path, query, params } = ctx;
      const segment = params['link'];
      const given = query['token'] ?? segment;
      if (given === undefined) return false;
      if (given === segment && segment.length < SHORTEST_SECRET_PART) return false;
      const isSecret = typeof given === 'string' && SECRET.test(given);
      const name = isSecret ? nameOf(given) : BROKEN;
      if (isSecret) write(ctx, name, given);
      seeOther(ctx, `${page ?? (segment === undefined ? path : path.slice(0, path.lastIndexOf('/')))}/${name}`);
      return true;
    },
    read(ctx) {
      const name = ctx.params['link'];
      const found = cookies.readAll(ctx).find(([held, secret]) => held === name && nameOf(secret) === name);
      return found?.[1] ?? '';
    },
    forget(ctx) {
      const name = ctx.params['link'];
      if (name !== undefined && NAME.test(name)) cookies.clear(ctx, name);
    },
  };
}

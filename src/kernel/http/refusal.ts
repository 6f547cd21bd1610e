/**
 * A refused form answers 303 to its own page, which shows the problem once: Back and reload never send a form again.
 *
 * Until then, for a minute, the problem travels in a cookie, encrypted and bound to the path of the page and to the holder
 * of its forms (the session). It is never in the address, and no secret that was typed is ever in it.
 */
import type { Clock } from '../clock.ts';
import { type KeyRing, SealError, sha256 } from '../crypto.ts';
import { type BrowserCookies, browserCookies } from './cookies.ts';
import { seeOther } from './redirect.ts';
import { LARGEST_REFUSAL, LONGEST_REFUSAL_TEXTS, MOST_REFUSALS, REFUSAL_LIFETIME } from './limits.ts';

/** Fields that are never shown again nor kept, by the names that forms of this product give to secrets. */
const secretField = /password|passphrase|secret|token|otp|recovery|credential|^current$|^code$|^csrf$/i;

/** Whether a form field of this name contains a secret, which no page, cookie or log may repeat. */
export const isSecretField = (name: string): boolean => secretField.test(name);

type CookieContext = Parameters<BrowserCookies['write']>[0] & Parameters<BrowserCookies['readAll']>[0];

/** Where a problem is shown, and to which holder of forms. */
type Place = { page: string; holder: string };

export type Refusals = {
  keep(ctx: CookieContext, place: Place, what: object): void;
  drop(ctx: CookieContext, page: string): void;
  /** Takes the stored error of this place, once; undefined when there is none. */
  take(ctx: CookieContext, place: Place): unknown;
};

const NAME_CHARACTERS = 11;

/** Creates the encrypted cookies that carry the errors of a refused form to the next page for a minute. */
export function createRefusals({
  issuer,
  keyRing,
  clock,
}: {
  issuer: URL;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  clock: Clock;
}): Refusals {
  const cookies = browserCookies(issuer, 'refused', { maxAge: REFUSAL_LIFETIME });

  function open(sealed: string, place: Place): unknown {
    try {
      const { until, what } = JSON.parse(keyRing.open(sealed, placeName(place)), revive) as Kept;
      return until > clock.now().valueOf() ? what : undefined;
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
  }

  return {
    keep(ctx, place, what) {
      const member = memberOf(place.page);
      const others = new Set(cookies.readAll(ctx).map(([known]) => known));
      others.delete(member);
      for (const other of [...others].slice(0, Math.max(0, others.size + 1 - MOST_REFUSALS))) cookies.clear(ctx, other);
      const text = fitting(what, clock.now().valueOf() + REFUSAL_LIFETIME);
      if (text !== null) cookies.write(ctx, member, keyRing.seal(text, placeName(place)));
    },
    drop: (ctx, page) => cookies.clear(ctx, memberOf(page)),
    take(ctx, place) {
      const member = memberOf(place.page);
      const sealed = cookies.readAll(ctx).filter(([known]) => known === member);
      if (sealed.length === 0) return undefined;
      cookies.clear(ctx, member);
      return sealed.map(([, text]) => open(text, place)).find((what) => what !== undefined);
    },
  };
}

type Kept = { until: number; what: unknown };

const placeName = ({ page, holder }: Place): string => `refusal:${page}:${holder}`;
const memberOf = (page: string): string => sha256(page).toString('base64url').slice(0, NAME_CHARACTERS);

function fitting(what: object, until: number): string | null {
  const texts = LONGEST_REFUSAL_TEXTS.map((longest) => JSON.stringify({ until, what: withoutSecrets(what, longest) }));
  return texts.find((text) => Buffer.byteLength(text) <= LARGEST_REFUSAL) ?? null;
}

const DATE = '$date';

/**
 * Without texts under the names of secret fields, and without long ones. Under `errors` stand kinds, by the names of
 * their fields.
 */
function withoutSecrets(value: unknown, longest: number, isOfErrors = false): unknown {
  if (typeof value === 'string') return value.length <= longest ? value : undefined;
  if (value instanceof Date) return { [DATE]: value.valueOf() };
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets(item, longest) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, member]) => typeof member !== 'string' || !isSecretField(name) || (isOfErrors && isKind(member)))
      .map(([name, member]) => [name, withoutSecrets(member, longest, name === 'errors')]),
  );
}

const isKind = (text: string): boolean => /^[a-z_-]{1,40}$/.test(text);

function revive(_name: string, value: unknown): unknown {
  const isDate = typeof value === 'object' && value !== null && DATE in value && typeof value[DATE] === 'number';
  return isDate ? new Date(value[DATE] as number) : value;
}

type RefusalContext = Parameters<typeof seeOther>[0] & {
  state: { keepRefusal(page: string, what: object): void; takeRefusal(): unknown };
};

/** A page with forms, and what it shows once after one of them was refused. */
type FormPage<Shown extends object> = {
  /** @param page path of the page, with a query where it needs one. */
  refuse(ctx: RefusalContext, page: string, shown: Partial<Shown>): void;
  /** The error of a refused form for this response. It contains no secret and no text of more than 320 characters. */
  refused(ctx: RefusalContext): Partial<Shown>;
};

/** Declares a page with a form: `refuse` redirects (303) to the page with its errors, `refused` returns them once. */
export function formPage<Shown extends object>(): FormPage<Shown> {
  return {
    refuse(ctx, page, shown) {
      ctx.state.keepRefusal(page.replace(/\?.*$/, ''), shown);
      seeOther(ctx, page);
    },
    refused: (ctx) => ctx.state.takeRefusal() ?? {},
  };
}

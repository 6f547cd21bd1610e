/** Comparing answers: what differs between two of them is what they tell. */
import type { Page } from './visitor.ts';

/** One answer as a stranger sees it. */
export type Look = Pick<Page, 'status' | 'isRefused' | 'location'> & {
  headers: string[];
  cookies: string[];
  body: string;
};

/** One answer without what differs by chance: tokens, ids, times, and the address itself. */
export function look(page: Pick<Page, 'status' | 'headers' | 'text' | 'location' | 'isRefused'>, email: string): Look {
  const masked = (text: string) =>
    text
      .replaceAll(email.slice(0, email.indexOf('@')), '(name)')
      .replaceAll(/\/interaction\/[\w-]+/g, '/interaction/(uid)')
      .replaceAll(/nonce="[^"]+"/g, 'nonce')
      .replaceAll(/name="csrf" value="[^"]+"/g, 'csrf')
      .replaceAll(/datetime="[^"]+"[^<]*<[^>]+>/g, 'time')
      .replaceAll(/\d{1,2}:\d{2}[^<]*UTC/g, 'time')
      .replaceAll(/data-wait="\d+"|\d+ seconds?/g, 'wait');
  const chance = new Set(['date', 'content-security-policy', 'set-cookie', 'location']);
  return {
    status: page.status,
    isRefused: page.isRefused,
    headers: [...page.headers]
      .filter(([name]) => !chance.has(name) && name !== 'content-length')
      .map(([name, value]) => `${name}: ${value}`),
    cookies: page.headers.getSetCookie().map((line) =>
      line
        // The length of an encrypted value reveals something.
        .replace(/(?<=-refused-)[\w-]+=([^;]*)/, (_, sealed: string) => `(page)-of-${sealed.length}`)
        .replaceAll(/=[^;]+/g, '=')
        .replaceAll(/expires=[^;]+/gi, 'expires'),
    ),
    location: page.location && masked(new URL(page.location).pathname),
    body: masked(page.text),
  };
}

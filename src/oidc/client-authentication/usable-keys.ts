import { isUsableJwk } from '#applications/clients/module.ts';

type Fetch = typeof globalThis.fetch;

/**
 * RFC 7517 §5: keys of a set that cannot be used are ignored. The engine looks no deeper than their members, and would
 * fail when it comes to encrypt for one that is no point of its curve. Other documents pass as they are.
 */
export function withUsableKeys(send: Fetch): Fetch {
  return async (input, init) => {
    const answer = await send(input, init);
    const text = await answer.text();
    const { status, statusText, headers } = answer;
    const isBodyless = status === 204 || status === 304;
    return new Response(isBodyless ? null : usableOf(text), { status, statusText, headers });
  };
}

function usableOf(text: string): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return text;
  }
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) return text;
  return JSON.stringify({ keys: keys.filter((key) => isUsableJwk(key)) });
}

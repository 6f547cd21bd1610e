/** Looks at rendered HTML as text. */

/** Elements with their attributes; `script` and `style` hold no markup in our pages, which a test holds. */
export const tags = (html: string) => [...html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[^\s=>"']+(?:="[^"]*")?)*)\s*\/?>/g)];

/** The same context with every character that means something to HTML replaced, and addresses left as they are. */
export function defuse<T>(value: T): T {
  if (typeof value === 'string') return (/^[a-z]+:/.test(value) ? value : value.replaceAll(/[<>"'&]/g, 'x')) as T;
  if (Array.isArray(value)) return value.map((item) => defuse<unknown>(item)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [defuse(name), defuse<unknown>(member)]),
  ) as T;
}

import { isDeepStrictEqual } from 'node:util';

type Members = Readonly<Record<string, unknown>>;

/** The members that differ, as they were and as they are; for the audit log. */
export function changesBetween(before: Members, after: Members): { before: Members; after: Members } {
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isDeepStrictEqual(before[name], after[name]),
  );
  const pick = (members: Members): Members =>
    Object.fromEntries(changed.filter((name) => name in members).map((name) => [name, members[name]]));
  return { before: pick(before), after: pick(after) };
}

import { LONGEST_SHOWN_NAME } from './limits.ts';

/** How a report names a user. */
export type Named = { email?: string; username?: string; legacy_id?: string };

/** Of a record as a file has it, which may be damaged: the first of these names that is there, and never an empty one. */
export function namesIn(record: unknown): Named {
  if (record === null || typeof record !== 'object') return {};
  const members = record as Readonly<Record<string, unknown>>;
  const name = (member: string): string | undefined => {
    const value = members[member];
    return typeof value === 'string' && value.trim() !== '' ? value.slice(0, LONGEST_SHOWN_NAME) : undefined;
  };
  const email = name('email');
  if (email !== undefined) return { email };
  const username = name('username') ?? name('preferred_username');
  if (username !== undefined) return { username };
  const legacyId = name('legacy_id') ?? name('id');
  return legacyId === undefined ? {} : { legacy_id: legacyId };
}

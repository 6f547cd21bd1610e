import { KEY_USE } from './lifetimes.ts';

export const keyUses = ['signing', 'encryption'] as const;
export type KeyUse = (typeof keyUses)[number];

/**
 * next      published, not used by us yet
 * current   signs; others encrypt for it
 * previous  decrypts, and is not published any more
 * retired   its private key is gone
 */
export const keyStates = ['next', 'current', 'previous', 'retired'] as const;
export type KeyState = (typeof keyStates)[number];

/** When the job replaces a current key. */
export function endOfUse({ activatedAt, createdAt }: { activatedAt?: Date | null | undefined; createdAt: Date }): Date {
  return new Date((activatedAt ?? createdAt).getTime() + KEY_USE);
}

import type { EntityManager } from '#kernel/database.ts';

/**
 * The caller's part of the transaction that adds a credential. It is prepared before, because hashing takes a moment, and only once
 * the answer of the app or the authenticator is right. When the part throws, nothing was added.
 */
export type WrittenWith = () => Promise<(em: EntityManager) => Promise<void>>;

/** Writes nothing but the factor. */
export const nothingElse: WrittenWith = async () => async () => undefined;

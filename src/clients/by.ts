import type { Actor, Visitor } from '#audit/module.ts';

/** Who does it, for the audit log. */
export type By = { actor: Actor; visitor?: Visitor | undefined };

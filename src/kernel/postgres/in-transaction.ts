import type { EntityManager } from '../database.ts';

/** Runs a statement with `$1` parameters in a transaction, where the mapper writes the values in place of `?`. */
export function inTransaction<Row>(em: EntityManager, text: string, values: readonly unknown[]): Promise<Row[]> {
  const given: unknown[] = [];
  const marked = text.replaceAll('?', String.raw`\?`).replaceAll(/\$(\d+)/g, (_, place: string) => {
    given.push(values[Number(place) - 1]);
    return '?';
  });
  return em.execute<Row[]>(marked, given);
}

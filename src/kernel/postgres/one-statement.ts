/**
 * The writes of several slices for one act, as one statement: it succeeds as a whole or not at all, in one round trip and one commit.
 * Each writes its part about its own tables; none sees what another part writes.
 */
export type Part = {
  /** Of the last of its common table expressions. */
  name: string;
  values: readonly unknown[];
  /** Its common table expressions. `at(0)` is its first value; it does nothing where `only` does not hold. */
  text(at: (place: number) => string, only: string): string;
};

export type Act = {
  /** Locked first, with a wait. Later parts wait for no lock, so that two acts never wait for each other. */
  lock?: Part | undefined;
  /** Each must return a row. */
  conditions: readonly Part[];
  /** Decides, and is answered with: the others write only where it returned a row. */
  decision: Part;
  others: readonly Part[];
};

/**
 * Builds one SQL statement with numbered parameters from the parts of an act. It writes nothing if a condition is
 * false.
 */
export function oneStatement({ lock, conditions, decision, others }: Act): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const write = (part: Part, only: string): string => {
    const before = values.length + 1;
    values.push(...part.values);
    return part.text((place) => `$${before + place}`, only);
  };
  const isLocked = lock ? `(select count(*) from ${lock.name}) >= 0` : 'true';
  const holds = [isLocked, ...conditions.map(({ name }) => `exists (select 1 from ${name})`)].join(' and ');
  const parts = [
    ...(lock ? [write(lock, 'true')] : []),
    ...conditions.map((part) => write(part, isLocked)),
    write(decision, holds),
    ...others.map((part) => write(part, `exists (select 1 from ${decision.name})`)),
  ];
  return { text: `with ${parts.join(',\n')} select * from ${decision.name}`, values };
}

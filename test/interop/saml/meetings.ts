/**
 * Identity providers and service providers that meet: the product with others, two of the product, and others with each other.
 * The last kind shows that the cells ask what real programs do.
 */
import { Row, type Table } from '../matrix.ts';
import type { Wanted } from '../run.ts';
import { createAuthority } from './authority.ts';
import { type Column, columns, meet } from './cells.ts';
import './hosts.mjs';
import { names, type Pair, participants } from './participants.ts';

export async function meetings({ work, isWanted, show }: Wanted): Promise<Table> {
  const hosts = names.map((name) => `${name}.localhost`);
  const all = participants({ folder: work, authority: await createAuthority(work, hosts) });
  const lanes = all.lanes.map((lane) =>
    lane.filter(({ name }) => isWanted(name)).map(({ name, pair }) => ({ pair, row: new Row<Column>(name) })),
  );

  async function meetOne({ pair, row }: { pair: () => Promise<Pair>; row: Row<Column> }): Promise<void> {
    const { idp, sp, person } = await pair();
    await meet({ idp, sp, person, row });
    for (const each of [idp, sp]) show(`${each.name}, after ${row.name}`, each.output);
  }
  await Promise.all(
    lanes.map(async (lane) => {
      for (const each of lane) await each.row.attempt(() => meetOne(each));
    }),
  );
  return { subject: 'identity provider → service provider', columns, rows: lanes.flat().map(({ row }) => row) };
}

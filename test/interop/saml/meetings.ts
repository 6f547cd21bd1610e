/**
 * Identity providers and service providers that meet: the product with others, two of the product, and others with each other.
 * The last kind shows that the cells ask what real programs do. At the end a company uses the product.
 */
import { Row, type Table } from '../matrix.ts';
import type { Wanted } from '../run.ts';
import { acceptance, acceptanceColumns } from './acceptance.ts';
import { createAuthority } from './authority.ts';
import { type Column, columns, meet } from './cells.ts';
import './hosts.mjs';
import { names, type Pair, participants } from './participants.ts';

const ACCEPTANCE = 'a company';

export async function meetings({ work, isWanted, show }: Wanted): Promise<readonly Table[]> {
  const hosts = names.map((name) => `${name}.localhost`);
  const all = participants({ folder: work, authority: await createAuthority(work, hosts) });
  const lanes = all.lanes.map((lane) =>
    lane.filter(({ name }) => isWanted(name)).map(({ name, pair }) => ({ pair, row: new Row<Column>(name) })),
  );
  const last = isWanted(ACCEPTANCE) ? [new Row<(typeof acceptanceColumns)[number]>(ACCEPTANCE)] : [];

  async function meetOne({ pair, row }: { pair: () => Promise<Pair>; row: Row<Column> }): Promise<void> {
    const { idp, sp, person } = await pair();
    await meet({ idp, sp, person, row });
    for (const each of [idp, sp]) show(`${each.name}, after ${row.name}`, each.output);
  }
  async function accept(row: (typeof last)[number]): Promise<void> {
    const company = await all.company();
    row.version = `${company.idp.version}, ${company.mellon.version}`;
    await acceptance(company, row);
    for (const { name, output } of [company.latchkey, company.idp, company.mellon]) show(`${name}, at the end`, output);
  }

  const [shared = [], ...apart] = lanes;
  try {
    await Promise.all([
      (async () => {
        for (const each of shared) await each.row.attempt(() => meetOne(each));
        for (const row of last) await row.attempt(() => accept(row));
      })(),
      ...apart.map(async (lane) => {
        for (const each of lane) await each.row.attempt(() => meetOne(each));
      }),
    ]);
  } finally {
    await all.close();
  }
  return [
    { subject: 'identity provider → service provider', columns, rows: lanes.flat().map(({ row }) => row) },
    { subject: 'the product in use', columns: acceptanceColumns, rows: last },
  ];
}

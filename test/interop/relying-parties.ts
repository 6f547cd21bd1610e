/** Real relying parties against the product: sign-in and what follows, until all keys of the product were replaced. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Row, type Table } from './matrix.ts';
import { type Peer, serverSide } from './peers.ts';
import type { Account } from './person.ts';
import { createClient, createUser, type Product, startProduct } from './product.ts';
import { freePort } from './programs.ts';
import type { Wanted } from './run.ts';
import { rotationCell, serverSideCells } from './server-side-cells.ts';
import { singlePage, singlePageRow } from './single-page-cells.ts';

const columns = [
  'sign-in',
  'claims',
  'refresh',
  'parallel refresh',
  'logout',
  'back-channel',
  'key rotation',
  'consent refused',
] as const;

/** The user of a relying party. Each has its own: many sign-ins of one user at once look like an attack. */
const accountFor = ({ name }: Row): Account => ({
  email: `ada.${name}@example.com`,
  password: 'correct horse battery staple 9',
  name: 'Ada Lovelace',
});

/** A library asks for unknown keys only when it read the keys at least a minute ago. */
export const KEYS_ARE_ASKED_AGAIN_MS = 61_000;

export async function relyingParties({ work, isWanted, show }: Wanted): Promise<Table> {
  const rows = [singlePage, ...serverSide.map(({ name }) => name)].filter(isWanted).map((name) => new Row(name));
  if (rows.length === 0) return { subject: 'relying party', columns, rows };
  const product = await startProduct(work);
  try {
    const rotations = await Promise.all(rows.map((row) => row.attempt(() => firstPart(product, row, { work, show }))));
    const lastSignIn = Math.max(...rows.map(({ signedInAt }) => signedInAt));
    await pause(Math.max(0, lastSignIn + KEYS_ARE_ASKED_AGAIN_MS - performance.now()));
    await product.command(['keys', 'rotate', '--immediately']);
    await Promise.all(rows.map((row, place) => row.attempt(async () => rotations[place]?.())));
    show('latchkey', product.output);
  } finally {
    await product.front.close();
  }
  return { subject: 'relying party', columns, rows };
}

/** Runs the columns of a row until the keys rotate; the answer runs the column about that. */
async function firstPart(
  product: Product,
  row: Row,
  { work, show }: Pick<Wanted, 'work' | 'show'>,
): Promise<() => Promise<void>> {
  const peer = serverSide.find(({ name }) => name === row.name);
  const account = accountFor(row);
  await createUser(product, account);
  if (!peer) return singlePageRow(product, account, row);
  const { place, output } = await startServerSide(product, peer, account, row, work);
  await serverSideCells(place);
  return async () => {
    await rotationCell(place);
    show(peer.name, output);
  };
}

async function startServerSide(product: Product, peer: Peer, account: Account, row: Row, work: string) {
  row.version = await peer.version();
  const folder = join(work, peer.name);
  await mkdir(folder);
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const client = await createClient(product, peer.name, base);
  const { output } = await peer.run({ issuer: product.issuer, base, port, client, folder });
  return { place: { peer, base, client, product, account, row }, output };
}

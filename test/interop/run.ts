/**
 * Real relying parties against the product, started as an operator starts it. Install them first: `bash test/interop/install.sh`.
 * Prints a line for each cell, a table, and at the end how many cells passed and failed.
 *
 *   node test/interop/run.ts [NAME...]     all relying parties, or those named; VERBOSE=1 shows what the programs said
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Row, summary } from './matrix.ts';
import { type Peer, serverSide } from './peers.ts';
import type { Account } from './person.ts';
import { createClient, createUser, type Product, startProduct } from './product.ts';
import { endPrograms, freePort } from './programs.ts';
import { rotationCell, serverSideCells } from './server-side-cells.ts';
import { singlePage, singlePageRow } from './single-page-cells.ts';

/** The user of a relying party. Each has its own: many sign-ins of one user at once look like an attack. */
const accountFor = ({ name }: Row): Account => ({
  email: `ada.${name}@example.com`,
  password: 'correct horse battery staple 9',
  name: 'Ada Lovelace',
});

/** Prints what the programs said, to find out why a cell failed. */
const isVerbose = process.env['VERBOSE'] !== undefined;

/** openid-client asks for unknown keys only when it read the keys at least a minute ago. */
const KEYS_ARE_ASKED_AGAIN_MS = 61_000;

/** Runs the columns of a row until the keys rotate; the answer runs the column about that. */
async function firstPart(product: Product, row: Row, work: string): Promise<() => Promise<void>> {
  const peer = serverSide.find(({ name }) => name === row.name);
  const account = accountFor(row);
  await createUser(product, account);
  return peer ? serverSideRow(product, peer, account, row, work) : singlePageRow(product, account, row);
}

async function serverSideRow(
  product: Product,
  peer: Peer,
  account: Account,
  row: Row,
  work: string,
): Promise<() => Promise<void>> {
  row.version = await peer.version();
  const folder = join(work, peer.name);
  await mkdir(folder);
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const client = await createClient(product, peer.name, base);
  const program = await peer.run({ issuer: product.issuer, base, port, client, folder });
  const place = { peer, base, client, product, account, row };
  await serverSideCells(place);
  return async () => {
    await rotationCell(place);
    if (isVerbose) console.log(`--- ${peer.name}\n${program.output()}`);
  };
}

async function run(names: readonly string[]): Promise<boolean> {
  const rows = [singlePage, ...serverSide.map(({ name }) => name)]
    .filter((name) => names.length === 0 || names.includes(name))
    .map((name) => new Row(name));
  const work = await mkdtemp(join(tmpdir(), 'latchkey-interop-'));
  await chmod(work, 0o711); // Apache's own user must reach its folder inside
  const product = await startProduct(work);
  try {
    const rotations = await Promise.all(rows.map((row) => row.attempt(() => firstPart(product, row, work))));
    const lastSignIn = Math.max(...rows.map(({ signedInAt }) => signedInAt));
    await pause(Math.max(0, lastSignIn + KEYS_ARE_ASKED_AGAIN_MS - performance.now()));
    await product.command(['keys', 'rotate', '--immediately']);
    await Promise.all(rows.map((row, place) => row.attempt(async () => rotations[place]?.())));
    if (isVerbose) console.log(`--- latchkey\n${product.output()}`);
  } finally {
    await endPrograms();
    await product.front.close();
    await rm(work, { recursive: true, force: true });
  }
  const { text, passed, failed } = summary(rows);
  console.log(`\n${text}\n\n${(performance.now() / 1000).toFixed(0)} s`);
  console.log(`interop, cells: ${passed} passed, ${failed} failed`);
  return failed === 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void endPrograms().finally(() => process.exit(1)));
const isWhole = await run(process.argv.slice(2)).finally(endPrograms);
process.exit(isWhole ? 0 : 1);

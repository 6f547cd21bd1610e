import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { stringify } from 'csv-stringify';
import { COLUMNS } from './csv.ts';
import type { RunOperation } from '#kernel/operations/bound-operation.ts';
import { FileProblem } from './numbered.ts';

type Page = { users: Record<string, unknown>[]; next?: string };

/** Writes all users, page after page, no faster than they are taken. */
export async function runExport({
  ask,
  output,
  format,
  withHashes,
}: {
  ask: RunOperation;
  output: Writable;
  format: 'jsonl' | 'csv';
  withHashes: boolean;
}): Promise<{ users: number }> {
  const csv = format === 'csv' ? stringify({ header: true, columns: [...COLUMNS], cast: { boolean: String } }) : null;
  csv?.pipe(output, { end: false });
  let users = 0;
  let after: string | undefined;
  do {
    const answer = await ask('users.export', { input: { with_hashes: withHashes, after } });
    if (!answer.ok) throw new FileProblem(answer.message);
    const page = answer.result as Page;
    for (const user of page.users) {
      const room = csv ? csv.write(user) : output.write(`${JSON.stringify(user)}\n`);
      if (!room) await once(csv ?? output, 'drain');
    }
    users += page.users.length;
    after = page.next;
  } while (after !== undefined);
  if (csv) {
    csv.end();
    await finished(csv);
  }
  return { users };
}

import { LISTED_PAGE } from './limits.ts';

type Page<Id> = { limit: number; after?: Id | undefined };

/** One page where a limit is given, else everything, read in pages. */
export async function listed<Row extends { id: string }>(
  read: (page: Page<Row['id']>) => Promise<Row[]>,
  { limit, after }: { limit?: number | undefined; after?: Row['id'] | undefined },
): Promise<Row[]> {
  if (limit !== undefined) return read({ limit, after });
  const all: Row[] = [];
  for (;;) {
    const rows = await read({ limit: LISTED_PAGE, after: all.at(-1)?.id ?? after });
    all.push(...rows);
    if (rows.length < LISTED_PAGE) return all;
  }
}

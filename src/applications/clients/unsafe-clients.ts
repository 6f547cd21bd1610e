import type { Finding } from '#doctor/finding.ts';
import type { Database } from '#kernel/database.ts';

type Dependencies = { database: Pick<Database, 'sql'> };

/** Names in one line of a report; the rest is counted. */
const NAMED = 5;

/** A line for the clients that accept less than the instance asks for; none without such a client. */
export async function unsafeClients({ database }: Dependencies): Promise<Finding[]> {
  const rows = await database.sql<{ id: string }>(
    `select client_id as id from client where metadata->'require_pkce' = 'false' and not disabled order by client_id`,
  );
  if (rows.length === 0) return [];
  const named = rows.slice(0, NAMED).map(({ id }) => id);
  const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : '';
  return [
    {
      name: 'clients',
      status: 'warning',
      message: `require_pkce is false at ${named.join(', ')}${more}: the nonce alone binds a code to the request, and the client has to check it.`,
      next: `Run client change ${named[0]} --require-pkce true when the software supports PKCE.`,
    },
  ];
}

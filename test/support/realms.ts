/** Organizations with a verified domain and a connection of their own. */
import { randomBytes } from 'node:crypto';
import type { TestApp } from './app.ts';
import type { Federation } from './federation.ts';

export type TestRealm = { id: string; slug: string; domain: string; connection: string; domainId: string };
const unique = () => randomBytes(5).toString('hex');

/** A verified domain of an organization, without a look-up in the DNS. */
export async function verifiedDomain(latchkey: TestApp, organization_id: string, domain = `d${unique()}.com`) {
  const { id } = await latchkey.run<{ id: string }>('organizations.domains.create', { organization_id, domain });
  await latchkey.app.database.sql('update organization_domain set verified_at = now() where domain = $1', [domain]);
  return { domain, domainId: id };
}

/** `given`: members of the connection. */
export async function realmOf(
  {
    latchkey,
    connect,
  }: Pick<Federation, 'latchkey'> & { connect(slug: string, given: Record<string, unknown>): Promise<unknown> },
  signIn: 'any' | 'connection' | 'connection_or_owner' = 'any',
  given: Record<string, unknown> = {},
): Promise<TestRealm> {
  const slug = `o${unique()}`;
  const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: `Acme ${slug}`, slug });
  const { domain, domainId } = await verifiedDomain(latchkey, id);
  const connection = `c-${slug}`;
  await connect(connection, { organization_id: id, name: `Staff of ${slug}`, ...given });
  const realm = { id, slug, domain, domainId, connection };
  await demand({ latchkey }, realm, signIn);
  return realm;
}

export const demand = (
  { latchkey }: Pick<Federation, 'latchkey'>,
  { id, domainId }: Pick<TestRealm, 'id' | 'domainId'>,
  sign_in: 'any' | 'connection' | 'connection_or_owner',
  connections?: readonly string[],
) =>
  latchkey.run('organizations.domains.update', {
    organization_id: id,
    domain_id: domainId,
    sign_in,
    ...(connections && { connections }),
  });

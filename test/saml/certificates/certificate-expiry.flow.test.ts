/** Letters about certificates for SAML that end: when, about which, and to which users. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReadUser } from '#directory/users/module.ts';
import { PermissionHolders } from '#directory/access/permission-holders.ts';
import { DAY } from '#kernel/clock.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import { SamlConnections } from '#connections/saml/saml-connections.ts';
import { ApplicationService } from '#saml/applications/application-service.ts';
import { CertificateExpiry } from '#saml/certificates/certificate-expiry.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { recordingAudit } from '../../support/audit.ts';
import { joinWith } from '../../support/roles.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { startSamlProvider } from '../../support/saml-provider.ts';

let latchkey: TestApp;
let operator: TestUser;
let owner: TestUser;
let member: TestUser;
let organization_id: string;
const start = Date.now();
const certificateUntil = async (days: number) =>
  (await samlKey('RSA 2048', 'ending', new Date(start + days * DAY))).certificate;

beforeAll(async () => {
  latchkey = await startTestApp();
  [operator, owner, member] = await Promise.all([
    latchkey.user({ email_verified: true, locale: 'de' }),
    latchkey.user({ email_verified: true }),
    latchkey.user({ email_verified: true }),
  ]);
  await latchkey.run('assignments.create', { user_id: operator.id, role: 'SUPER_ADMIN' });
  organization_id = (await latchkey.run<{ id: string }>('organizations.create', { name: 'Fernway' })).id;
  await joinWith(latchkey, organization_id, owner, 'TENANT_OWNER');
  await joinWith(latchkey, organization_id, member, 'TENANT_USER');
  const idp = await startSamlProvider('https://idp.fernway.example/saml');
  const metadata = idp.metadata({ certificates: [await certificateUntil(45)] });
  const given = { slug: 'fernway', name: 'Fernway', provider: 'saml', metadata };
  await latchkey.run('organizations.connections.create', { organization_id, ...given });
  await latchkey.run('saml_applications.create', {
    name: 'Wiki',
    client_id: 'wiki',
    entity_id: 'https://wiki.example/saml',
    acs_urls: [{ url: 'https://wiki.example/acs' }],
    certificates: [{ certificate: await certificateUntil(40) }],
  });
});
afterAll(() => latchkey.close());
beforeEach(() => latchkey.app.database.sql('delete from saml_certificate_warning'));

type Sent = { to: string; language: string; certificates: string[]; kinds: readonly string[] };

/** The job, with a clock that stands so many days after the start of the test. */
function notices(keyDays = 400) {
  const { database } = latchkey.app;
  let now = start;
  const clock = { now: () => new Date(now) };
  const audit = recordingAudit();
  const sent: Sent[] = [];
  const letters: Pick<Letters, 'send'> = {
    send: async (_letter, { to, language, context }) => {
      const { certificates, kinds } = context as unknown as { certificates: { kind: string }[]; kinds: string[] };
      sent.push({ to: to.address, language, certificates: certificates.map(({ kind }) => kind), kinds });
      return true;
    },
  };
  const users = new Map<string, ReadUser>(
    [operator, owner, member].map(({ id, email }) => {
      const profile = id === operator.id ? { locale: 'de' } : {};
      return [id, { id, email, status: 'active', profile } as unknown as ReadUser];
    }),
  );
  const clients = {
    find: async (clientId: string) => {
      const [row] = await database.sql<{ disabled: boolean }>('select disabled from client where client_id = $1', [
        clientId,
      ]);
      return { clientId, name: 'Wiki', disabled: row?.disabled };
    },
  };
  const job = new CertificateExpiry({
    clock,
    database,
    audit,
    keys: { certificateEnds: async () => [{ id: 'abc', use: 'signing', endsAt: new Date(start + keyDays * DAY) }] },
    applications: new ApplicationService({ clock, database, audit, clients: clients as never }),
    connections: new SamlConnections({ clock, database, audit, documents: null as never, source: null as never }),
    managers: new PermissionHolders(clock, database),
    users: { findById: async (id) => users.get(id) ?? null },
    letters,
    issuerUrl: new URL('https://id.example'),
  });
  return {
    audit,
    async on(day: number): Promise<Sent[]> {
      now = start + day * DAY;
      await job.tell();
      return sent.splice(0);
    },
  };
}

describe('letters about certificates', () => {
  test('come at 30, 7 and 1 days and after the end, once each, with all that ends soon', async () => {
    const { on } = notices();
    const days = new Map<number, number>();
    for (let day = 0; day < 60; day += 1) {
      const letters = await on(day + 0.5);
      expect(new Set(letters.map(({ to }) => to)).size).toBe(letters.length);
      if (letters.length > 0) days.set(day, letters.length);
    }
    // The application ends on day 40. The provider ends on day 45, and the owner hears that too.
    expect([...days]).toEqual([
      [10, 1],
      [15, 2],
      [33, 1],
      [38, 2],
      [39, 1],
      [40, 1],
      [44, 2],
      [45, 2],
    ]);
  });

  test('go to operators about all, and to owners of an organization about its connection', async () => {
    const { on, audit } = notices(39);
    const letters = await on(38.6);
    expect(letters).toContainEqual({
      to: operator.email,
      language: 'de',
      certificates: ['signing_key', 'application', 'provider'],
      kinds: ['signing_key', 'application', 'provider'],
    });
    expect(letters).toContainEqual({
      to: owner.email,
      language: 'en',
      certificates: ['provider'],
      kinds: ['provider'],
    });
    expect(letters).toHaveLength(2);
    expect(audit.events).toMatchObject([
      { type: 'connection.certificate_warned', details: { connection: 'fernway', days_left: 7 } },
    ]);
  });

  test('are not about what is disabled, and begin again with another certificate', async () => {
    const { on } = notices();
    expect(await on(12)).toMatchObject([{ certificates: ['application'] }]);
    await latchkey.run('clients.disable', { client_id: 'wiki' });
    await latchkey.run('organizations.connections.update', { organization_id, connection: 'fernway', enabled: false });
    expect(await on(39)).toEqual([]);
    await latchkey.run('clients.enable', { client_id: 'wiki' });
    const certificates = [{ certificate: await certificateUntil(68) }];
    await latchkey.run('saml_applications.update', { client_id: 'wiki', certificates });
    expect(await on(37)).toEqual([]);
    expect(await on(39)).toMatchObject([{ certificates: ['application'] }]);
    await latchkey.run('organizations.connections.update', { organization_id, connection: 'fernway', enabled: true });
  });
});

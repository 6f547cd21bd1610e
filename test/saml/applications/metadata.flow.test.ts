/** Registration by metadata, the warnings before certificates end, and the tiles on the account page. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateWatch } from '#saml/applications/certificate-watch.ts';
import { bindings, buildMetadata } from '#saml/messages/module.ts';
import { DAY } from '#kernel/clock.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { recordingAudit } from '../../support/audit.ts';
import { startPublisher } from '../../support/publisher.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { applicationKey, signInAt, startApplication } from '../../support/saml-applications.ts';
import { Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let publisher: Awaited<ReturnType<typeof startPublisher>>;
beforeAll(async () => {
  publisher = await startPublisher();
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1/32' } });
});
afterAll(async () => {
  await latchkey.close();
  await publisher.close();
});

let count = 0;
const endpoint = (binding: string, location: string) => ({ binding, location, responseLocation: null });
function metadataOf(members: { location?: string; isSigned?: boolean; binding?: string } = {}) {
  const entityId = `https://wiki-${++count}.example/saml`;
  const document = buildMetadata({
    entityId,
    serviceProvider: {
      signingCertificates: [applicationKey.certificate],
      encryptionCertificates: [applicationKey.certificate],
      singleLogoutServices: [endpoint(bindings.soap, 'https://wiki.example/slo')],
      nameIdFormats: [],
      authnRequestsSigned: members.isSigned ?? true,
      wantAssertionsSigned: true,
      assertionConsumerServices: [
        { ...endpoint(bindings.post, members.location ?? 'https://wiki.example/acs'), index: 3, isDefault: true },
        {
          ...endpoint('urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact', 'https://wiki.example/art'),
          index: 4,
          isDefault: false,
        },
      ],
    },
  });
  return { entityId, document };
}
const create = (members: Record<string, unknown>) =>
  latchkey.run('saml_applications.create', { name: 'Wiki', ...members });

describe('metadata of an application', () => {
  test('say who it is, where it is and how it signs', async () => {
    const { entityId, document } = metadataOf();
    expect(await create({ metadata: document })).toMatchObject({
      entity_id: entityId,
      acs_urls: [{ url: 'https://wiki.example/acs', index: 3, is_default: true }],
      logout_endpoints: [{ binding: 'soap', url: 'https://wiki.example/slo' }],
      certificates: [{ use: 'both' }],
      requires_signed_requests: true,
      metadata_url: null,
    });
  });

  test('give way to members that are named', async () => {
    const { document } = metadataOf();
    const shown = await create({ metadata: document, requires_signed_requests: false, name_id_format: 'email' });
    expect(shown).toMatchObject({ requires_signed_requests: false, name_id_format: 'email' });
  });

  test('are read from an address', async () => {
    const { entityId, document } = metadataOf({ isSigned: false });
    publisher.text = document;
    const { url } = publisher;
    expect(await create({ metadata_url: url })).toMatchObject({ entity_id: entityId, metadata_url: url });
  });

  test.each([
    [
      'an address of the inner network',
      { metadata_url: 'https://10.0.0.1/metadata' },
      'metadata_url: could not connect',
    ],
    ['an address without TLS', { metadata_url: 'http://wiki.example/metadata' }, 'metadata_url'],
    ['no address', { metadata_url: 'wiki' }, 'metadata_url must begin with https://'],
    [
      'a document and an address',
      { metadata: 'x', metadata_url: 'https://wiki.example' },
      'metadata must not be given together',
    ],
    ['no XML', { metadata: 'x' }, 'the metadata is refused: not_well_formed'],
    ['a document type', { metadata: `<!DOCTYPE x>${metadataOf().document}` }, 'the metadata is refused: doctype'],
    [
      'a script as address',
      { metadata: metadataOf({ location: 'javascript:alert(1)' }).document },
      'the metadata is refused: location',
    ],
    [
      'an address of the application without TLS',
      { metadata: metadataOf({ location: 'http://wiki.example/acs' }).document },
      'acs_urls',
    ],
    [
      'another entity',
      { metadata: metadataOf().document, entity_id: 'urn:other' },
      'the metadata is refused: entity_not_found',
    ],
  ])('are refused with %s', async (_title, members, problem) => {
    await expect(create(members)).rejects.toThrow(problem);
  });

  test('of an identity provider are refused', async () => {
    const app = await startApplication(latchkey);
    await expect(create({ metadata: app.metadata })).rejects.toThrow('the metadata must describe a service provider');
  });
});

test('certificates that end are warned about once at each threshold', async () => {
  const { certificate } = await samlKey('RSA 2048', 'ending', new Date(Date.now() + 40 * DAY));
  const app = await startApplication(latchkey, { certificates: [{ certificate }] });
  const audit = recordingAudit();
  const { events } = audit;
  const { database } = latchkey.app;
  const daysLeft = async (days: number): Promise<unknown[]> => {
    const clock = { now: () => new Date(Date.now() + (40 - days) * DAY) };
    const before = events.length;
    await new CertificateWatch({ clock, database, audit }).warn();
    return events
      .slice(before)
      .filter(({ clientId }) => clientId === app.clientId)
      .map(({ details }) => (details as { days_left: number }).days_left);
  };
  const warned = [];
  for (const days of [35, 29, 20, 6, 5, 0.5, -1, -2]) warned.push(...(await daysLeft(days)));
  expect(warned).toEqual([30, 7, 1, 0]);
});

describe('the account page', () => {
  test('has a tile for each application that the user can open', async () => {
    const user = await latchkey.user({ email_verified: true });
    const open = await startApplication(latchkey, { name: 'Handbook', launchable: true });
    const closed = await startApplication(latchkey, { name: 'Ledger' });
    const ofMembers = await startApplication(latchkey, { name: 'Members', launchable: true });
    await latchkey.run('clients.update', { client_id: ofMembers.clientId, organization_usage: 'require' });
    const disabled = await startApplication(latchkey, { name: 'Former', launchable: true });
    await latchkey.run('clients.disable', { client_id: disabled.clientId });
    const visitor = new Visitor();
    await signInAt(await open.requestUrl(), user, visitor);
    const { text } = await visitor.open(`${latchkey.base}/account/apps`);
    expect(text).toContain(`href="/saml/applications/${open.clientId}/launch"`);
    for (const { clientId } of [closed, ofMembers, disabled]) expect(text).not.toContain(`${clientId}/launch`);
    const page = await visitor.open(`${latchkey.base}/saml/applications/${open.clientId}/launch`);
    expect((await open.read(page)).email).toBe(user.email);
  });
});

/** Metadata of applications that are read again: every day, when an operator asks, and never worse than before. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR } from '#kernel/clock.ts';
import { createLog } from '#kernel/log.ts';
import { createOutbound } from '#kernel/http/outbound.ts';
import { ApplicationMetadata } from '#saml/applications/application-metadata.ts';
import { MetadataSource } from '#saml/applications/metadata-source.ts';
import { MetadataDocuments } from '#saml/metadata/module.ts';
import { bindings, buildMetadata, createMessages, signXml } from '#saml/messages/module.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { recordingAudit } from '../../support/audit.ts';
import { testClock } from '../../support/clock.ts';
import { startPublisher } from '../../support/publisher.ts';
import { applicationKey, craftedUrl, type TestApplication } from '../../support/saml-applications.ts';
import { samlKey } from '../../support/saml-keys.ts';

let latchkey: TestApp;
let publisher: Awaited<ReturnType<typeof startPublisher>>;
const messages = createMessages();
const [signer, stranger, next] = await Promise.all([samlKey(), samlKey(), samlKey()]);

beforeAll(async () => {
  publisher = await startPublisher();
  latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1/32' } });
});
afterAll(async () => {
  await latchkey.close();
  await messages.close();
  await publisher.close();
});

type Content = { acs?: string; certificate?: string; isSigned?: boolean; validUntil?: Date };
type Shown = Record<string, unknown> & { client_id: string; acs_urls: { url: string }[] };
let count = 0;
let entityId = '';
beforeEach(() => void (entityId = `https://refreshed-${++count}.example/saml`));

function documentOf({ acs = 'https://wiki.example/acs', certificate, isSigned = true, validUntil }: Content = {}) {
  const endpoint = (binding: string, location: string) => ({ binding, location, responseLocation: null });
  const document = buildMetadata({
    entityId,
    serviceProvider: {
      signingCertificates: [certificate ?? applicationKey.certificate],
      encryptionCertificates: [],
      singleLogoutServices: [endpoint(bindings.soap, 'https://wiki.example/slo')],
      nameIdFormats: [],
      authnRequestsSigned: isSigned,
      wantAssertionsSigned: true,
      assertionConsumerServices: [{ ...endpoint(bindings.post, acs), index: 0, isDefault: true }],
    },
  });
  const withId = document.includes(' ID="')
    ? document
    : document.replace(/<(\w+:)?EntityDescriptor/, '$& ID="_metadata"');
  return validUntil === undefined
    ? withId
    : withId.replace(/EntityDescriptor/, `$& validUntil="${validUntil.toISOString()}"`);
}
const create = (members: Record<string, unknown> = {}) => {
  return latchkey.run<Shown>('saml_applications.create', { name: 'Wiki', metadata_url: publisher.url, ...members });
};
const read = ({ client_id }: Shown) => latchkey.run<Shown>('saml_applications.read', { client_id });
const refresh = ({ client_id }: Shown) => latchkey.run<Shown>('saml_applications.refresh_metadata', { client_id });
const addressOf = ({ acs_urls: [first] }: Shown) => first?.url;

/** The job of another node, whose clock the test turns. */
function node(start: string) {
  const clock = testClock(start);
  const audit = recordingAudit();
  const outbound = createOutbound({ allow: ['127.0.0.1/32'], log: createLog({ level: 'silent' }) });
  const documents = new MetadataDocuments({ clock, outbound, messages });
  const source = new MetadataSource({ documents });
  const metadata = new ApplicationMetadata({ clock, audit, database: latchkey.app.database, documents, source });
  const typesOf = ({ client_id }: Shown) =>
    audit.events.filter(({ clientId }) => clientId === client_id).map(({ type }) => type);
  return { clock, audit, metadata, typesOf };
}

describe('the job', () => {
  test('reads the metadata again after a day, and tells of what changed', async () => {
    publisher.text = documentOf();
    const app = await create();
    publisher.text = documentOf({ acs: 'https://new.example/acs', certificate: next.certificate });
    const { metadata, audit, typesOf } = node(new Date(Date.now() + 25 * HOUR).toISOString());
    await metadata.refreshDue();
    expect(await read(app)).toMatchObject({
      acs_urls: [{ url: 'https://new.example/acs' }],
      metadata_problem: null,
      metadata_url: publisher.url,
    });
    expect(typesOf(app)).toEqual(['saml_application.metadata_changed']);
    expect(audit.events.at(-1)).toMatchObject({
      details: { entity_id: entityId, members: ['consumers', 'certificates'] },
    });
    await metadata.refreshDue();
    expect(typesOf(app)).toHaveLength(1);
  });

  test('leaves alone what is not due, and applications without an address', async () => {
    publisher.text = documentOf();
    const app = await create();
    const given = await create({
      metadata_url: undefined,
      metadata: documentOf().replaceAll(entityId, `${entityId}/2`),
    });
    publisher.text = documentOf({ acs: 'https://new.example/acs' });
    await node(new Date(Date.now() + 23 * HOUR).toISOString()).metadata.refreshDue();
    expect(addressOf(await read(app))).toBe('https://wiki.example/acs');
    await node(new Date(Date.now() + 25 * HOUR).toISOString()).metadata.refreshDue();
    expect(addressOf(await read(app))).toBe('https://new.example/acs');
    expect(addressOf(await read(given))).toBe('https://wiki.example/acs');
  });

  test('tells of a failure once, tries again every hour, and says when it is over', async () => {
    publisher.text = documentOf();
    const app = await create();
    const { metadata, clock, typesOf } = node(new Date(Date.now() + DAY + HOUR).toISOString());
    publisher.text = null;
    for (let hours = 0; hours < 3; hours += 1) {
      await metadata.refreshDue();
      clock.advance(HOUR);
    }
    expect(typesOf(app)).toEqual(['saml_application.metadata_failed']);
    const failed = await read(app);
    expect(failed).toMatchObject({
      metadata_problem: 'metadata_url answers with status 503',
      warnings: [expect.stringMatching(/^Its metadata cannot be read again: /)],
      acs_urls: [{ url: 'https://wiki.example/acs' }],
    });
    publisher.text = documentOf();
    await metadata.refreshDue();
    expect(await read(app)).toMatchObject({ metadata_problem: null });
  });
});

describe('an operator who refreshes', () => {
  test('sees the present members, and members that were named stay', async () => {
    publisher.text = documentOf();
    const app = await create({ requires_signed_requests: false });
    expect(app).toMatchObject({ named_members: ['requires_signed_requests'], metadata_is_signed: false });
    await latchkey.run('saml_applications.update', {
      client_id: app.client_id,
      acs_urls: [{ url: 'https://named.example/acs' }],
    });
    publisher.text = documentOf({ acs: 'https://new.example/acs', certificate: next.certificate });
    const shown = await refresh(app);
    expect(shown).toMatchObject({
      acs_urls: [{ url: 'https://named.example/acs' }],
      requires_signed_requests: false,
      named_members: ['acs_urls', 'requires_signed_requests'],
    });
    const again = await latchkey.run<Shown>('saml_applications.update', {
      client_id: app.client_id,
      metadata_url: publisher.url,
    });
    expect(again).toMatchObject({ acs_urls: [{ url: 'https://new.example/acs' }], named_members: [] });
  });

  test('never has requests unsigned that had to be signed', async () => {
    publisher.text = documentOf();
    const app = await create();
    publisher.text = documentOf({ isSigned: false });
    expect(await refresh(app)).toMatchObject({ requires_signed_requests: true });
  });

  test.each<[string, () => string, string]>([
    ['another entity', () => documentOf().replaceAll(entityId, 'https://evil.example'), 'entity_not_found'],
    ['an address without TLS', () => documentOf({ acs: 'http://wiki.example/acs' }), 'acs_urls'],
    ['no metadata', () => 'away', 'not_well_formed'],
    ['metadata that are over', () => documentOf({ validUntil: new Date(Date.now() - 1) }), 'metadata_expired'],
  ])('is told of %s, and nothing changes', async (_title, text, problem) => {
    publisher.text = documentOf();
    const app = await create();
    const before = await read(app);
    publisher.text = text();
    await expect(refresh(app)).rejects.toThrow(problem);
    const after = await read(app);
    expect(after).toEqual({
      ...before,
      metadata_problem: expect.stringContaining(problem),
      warnings: [expect.stringContaining(problem)],
    });
  });

  test('needs an address', async () => {
    const app = await create({ metadata_url: undefined, metadata: documentOf() });
    await expect(refresh(app)).rejects.toThrow('saml.metadata_refused');
    await expect(latchkey.run('saml_applications.refresh_metadata', { client_id: 'nobody' })).rejects.toThrow(
      'saml.application_not_found',
    );
  });

  test('ends it with no address', async () => {
    publisher.text = documentOf();
    const app = await create();
    const shown = await latchkey.run('saml_applications.update', { client_id: app.client_id, metadata_url: null });
    expect(shown).toMatchObject({ metadata_url: null, metadata_read_at: null, acs_urls: app.acs_urls });
    await expect(refresh(app)).rejects.toThrow('saml.metadata_refused');
  });
});

describe('a signed document', () => {
  const pinned = { metadata_certificates: signer.certificate };

  test('is needed where a certificate is named', async () => {
    publisher.text = documentOf();
    await expect(create(pinned)).rejects.toThrow('the metadata is refused: unsigned');
    publisher.text = await signXml(documentOf(), stranger);
    await expect(create(pinned)).rejects.toThrow('the metadata is refused: signature_');
    publisher.text = await signXml(documentOf(), signer);
    expect(await create(pinned)).toMatchObject({ metadata_is_signed: true, entity_id: entityId });
  });

  test.each<[string, () => Promise<string>]>([
    ['no signature', async () => documentOf({ acs: 'https://evil.example/acs' })],
    ['the signature of another', () => signXml(documentOf({ acs: 'https://evil.example/acs' }), stranger)],
    [
      'a signature that was moved',
      async () => (await signXml(documentOf(), signer)).replaceAll('wiki.example/acs', 'evil.example/acs'),
    ],
  ])('is never replaced by one with %s', async (_title, text) => {
    publisher.text = await signXml(documentOf(), signer);
    const app = await create(pinned);
    publisher.text = await text();
    await expect(refresh(app)).rejects.toThrow('the metadata is refused');
    const update = (members: object) =>
      latchkey.run('saml_applications.update', { client_id: app.client_id, ...members });
    await expect(update({ metadata_url: publisher.url })).rejects.toThrow('the metadata is refused');
    await expect(update({ metadata: publisher.text })).rejects.toThrow('the metadata is refused');
    expect(addressOf(await read(app))).toBe('https://wiki.example/acs');
  });

  test('is demanded from now on, where it is signed already', async () => {
    publisher.text = await signXml(documentOf(), signer);
    const app = await create();
    const pin = (certificate: string | null) =>
      latchkey.run('saml_applications.update', { client_id: app.client_id, metadata_certificates: certificate });
    await expect(pin(stranger.certificate)).rejects.toThrow('the metadata is refused');
    expect(await pin(signer.certificate)).toMatchObject({ metadata_is_signed: true });
    expect(await pin(null)).toMatchObject({ metadata_is_signed: false });
  });
});

test('metadata that are over end sign-ins, until newer ones are read', async () => {
  publisher.text = documentOf({ validUntil: new Date(Date.now() + HOUR) });
  const app = await create({ client_id: `over-${count}`, launchable: true });
  expect(app).toMatchObject({ metadata_valid_until: expect.any(String) });
  const base = `${latchkey.base}/saml/applications/${app.client_id}`;
  const ask = async () =>
    fetch(await craftedUrl({ base, entityId, acs: 'https://wiki.example/acs' } as TestApplication), {
      redirect: 'manual',
    });
  expect((await ask()).status).toBe(303);
  await latchkey.app.database.sql(`update saml_service_provider set valid_until = now() where client_id = $1`, [
    app.client_id,
  ]);
  expect((await ask()).status).toBe(400);
  expect((await fetch(`${base}/launch`, { redirect: 'manual' })).status).toBe(400);
  expect(await read(app)).toMatchObject({ warnings: [expect.stringMatching(/^Its metadata ended on /)] });
  publisher.text = documentOf();
  await refresh(app);
  expect((await ask()).status).toBe(303);
});

/** Connections of SAML as operators manage them: where the metadata comes from, what is refused, and how it is read again. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { signXml } from '#saml/messages/module.ts';
import { connectionsOn } from '../../support/connections.ts';
import { openTestDatabase } from '../../support/database.ts';
import { samlKey } from '../../support/saml-keys.ts';
import { startSamlProvider, type SamlProvider } from '../../support/saml-provider.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';

let database: Database;
let upstream: Upstream;
let idp: SamlProvider;
let node: ReturnType<typeof connectionsOn>;
const [publisher, weak] = await Promise.all([samlKey(), samlKey('RSA 1024')]);
const url = 'https://idp.example/metadata';

beforeAll(async () => {
  [database, upstream, idp] = await Promise.all([openTestDatabase(), startUpstream(), startSamlProvider()]);
});
afterAll(async () => {
  await node.close();
  await upstream.close();
  await database.close();
});
beforeEach(async () => {
  await database.sql('delete from connection');
  await node?.close();
  node = connectionsOn(database, { upstream });
  serve(idp.metadata());
});

const serve = (text: string) => (upstream.answers[url] = () => ({ text }));
const create = (members: object, slug = 'acme') =>
  node.call('connections.create', { slug, provider: 'saml', ...members });
const read = () => node.call('connections.read', { connection: 'acme' });
const problem = (text: string) => ({ code: 'connections.invalid', message: expect.stringContaining(text) });
const fields = () => ({
  entity_id: idp.entityId,
  sign_on_url: idp.signOnUrl,
  certificates: idp.key.certificate,
});

describe('an identity provider', () => {
  test.each<[string, () => object]>([
    ['by the address of its metadata', () => ({ metadata_url: url })],
    ['by its metadata', () => ({ metadata: idp.metadata() })],
    ['by single fields', fields],
  ])('is connected %s', async (_name, members) => {
    const created = await create(members());
    expect(created).toMatchObject({
      provider: 'saml',
      name: 'SAML',
      client_id: 'https://id.example/saml/acme/metadata',
      callback_url: 'https://id.example/saml/acme/acs',
      status: 'offered',
      trusts_email: false,
      service_provider: {
        entity_id: 'https://id.example/saml/acme/metadata',
        acs_url: 'https://id.example/saml/acme/acs',
        metadata_url: 'https://id.example/saml/acme/metadata',
      },
      identity_provider: {
        entity_id: idp.entityId,
        sign_on: [{ binding: 'redirect', url: idp.signOnUrl }],
        certificates: [{ subject: 'CN=peer', expires_at: '2040-01-01T00:00:00.000Z' }],
      },
    });
    expect(await read()).toEqual(created);
    expect(await node.call('connections.list')).toEqual({ connections: [created], next_cursor: null });
  });

  test('may know this instance by another name', async () => {
    const created = await create({ ...fields(), client_id: 'urn:old:name' });
    expect(created).toMatchObject({ client_id: 'urn:old:name', service_provider: { entity_id: 'urn:old:name' } });
  });

  test('has one connection of the instance', async () => {
    await create(fields());
    await expect(create(fields(), 'again')).rejects.toMatchObject({ code: 'connections.entity_taken' });
    expect(await node.call('connections.list')).toMatchObject({ connections: [{ slug: 'acme' }] });
  });

  test('is changed in one member, and the others stay', async () => {
    await create(fields());
    const rolled = [idp.key.certificate, publisher.certificate].join('\n');
    const changed = await node.call('connections.update', { connection: 'acme', certificates: rolled });
    expect(changed).toMatchObject({
      identity_provider: { entity_id: idp.entityId, sign_on: [{ url: idp.signOnUrl }] },
    });
    expect(changed['identity_provider']).toMatchObject({ certificates: [{}, {}] });
    expect(node.audit.events.at(-1)).toMatchObject({
      type: 'connection.changed',
      details: { members: ['identity_provider'] },
    });
  });
});

describe('a connection of SAML is refused', () => {
  test.each<[string, () => object, string]>([
    ['without a provider', () => ({}), 'metadata_url, metadata, or entity_id'],
    ['without certificates', () => ({ ...fields(), certificates: undefined }), 'no certificate'],
    ['with a certificate that is none', () => ({ ...fields(), certificates: 'x' }), 'must be in PEM'],
    ['with a weak key', () => ({ ...fields(), certificates: weak.certificate }), 'too weak'],
    ['with an address over http', () => ({ ...fields(), sign_on_url: 'http://idp.example/sso' }), 'https://'],
    ['with a script for an address', () => ({ ...fields(), sign_on_url: 'javascript:alert(1)' }), 'https://'],
    ['with metadata over http', () => ({ metadata_url: 'http://idp.example/metadata' }), 'https://'],
    ['with metadata that is none', () => ({ metadata: '<x/>' }), 'the metadata is refused'],
    ['with a document type', () => ({ metadata: `<!DOCTYPE x>${idp.metadata()}` }), 'doctype'],
    [
      'with another entity in its metadata',
      () => ({ metadata: idp.metadata(), entity_id: 'https://x.example' }),
      'entity_not_found',
    ],
    [
      'with metadata that no certificate signed',
      () => ({ metadata: idp.metadata(), metadata_certificates: publisher.certificate }),
      'the metadata is refused',
    ],
    ['with metadata of a script', () => ({ metadata: idp.metadata({ signOn: 'javascript:alert(1)' }) }), 'metadata'],
    ['with a client secret', () => ({ ...fields(), client_secret: 'x' }), 'no client_secret'],
    ['with a member of OAuth', () => ({ ...fields(), token_endpoint: 'https://a.example' }), 'takes no token_endpoint'],
    ['with a transient NameID alone', () => ({ ...fields(), name_id_format: 'transient' }), 'transient'],
  ])('%s', async (_name, members, text) => {
    await expect(create(members())).rejects.toMatchObject(problem(text));
  });

  test('under a reserved word', async () => {
    await expect(create(fields(), 'applications')).rejects.toMatchObject(problem('reserved'));
  });

  test.each([302, 404, 500])('when its metadata answers with status %i', async (status) => {
    upstream.answers[url] = () => ({ status, headers: { location: 'https://169.254.169.254/' } });
    await expect(create({ metadata_url: url })).rejects.toMatchObject(problem(`status ${status}`));
  });

  test('when its metadata is at a private address, without a word about what is there', async () => {
    const guarded = connectionsOn(database, { allow: [] });
    const given = { slug: 'acme', provider: 'saml', metadata_url: 'https://127.0.0.1:8443/metadata' };
    await expect(guarded.call('connections.create', given)).rejects.toMatchObject(problem('could not connect'));
    await guarded.close();
  });

  test('when its metadata is too large', async () => {
    serve(`<!--${'x'.repeat(2 * 1024 * 1024)}-->`);
    await expect(create({ metadata_url: url })).rejects.toMatchObject(problem('too large'));
  });

  test('of another protocol with a member of SAML', async () => {
    const given = { slug: 'x', provider: 'google', client_id: 'c', client_secret: 's' };
    await expect(node.call('connections.create', { ...given, preset: 'okta' })).rejects.toMatchObject(
      problem('preset belongs to saml'),
    );
    await expect(node.call('connections.create', { ...given, metadata_url: url })).rejects.toMatchObject(
      problem('metadata_url belongs to saml'),
    );
    await expect(
      node.call('connections.create', { slug: 'x', provider: 'google', client_secret: 's' }),
    ).rejects.toMatchObject(problem('client_id must be given'));
  });
});

describe('metadata by address', () => {
  test('is read again every day, and new certificates count at once', async () => {
    await create({ metadata_url: url });
    serve(idp.metadata({ certificates: [idp.key.certificate, publisher.certificate] }));
    expect(await node.saml.refreshDue()).toBe(0);
    node.clock.advance(DAY);
    expect(await node.saml.refreshDue()).toBe(1);
    expect(await read()).toMatchObject({ identity_provider: { certificates: [{}, {}] } });
    expect(node.audit.events.at(-1)).toMatchObject({
      type: 'connection.metadata_changed',
      details: { connection: 'acme', certificates: 2 },
    });
    expect(await node.saml.refreshDue()).toBe(0);
  });

  test.each<[string, () => string]>([
    ['of another entity', () => idp.metadata().replace(idp.entityId, 'https://evil.example')],
    ['without a certificate', () => idp.metadata({ certificates: [] })],
    ['that is none', () => 'away'],
  ])('%s changes nothing, is shown, and tried again in an hour', async (_name, text) => {
    await create({ metadata_url: url });
    const before = await read();
    serve(text());
    node.clock.advance(DAY);
    await node.saml.refreshDue();
    expect(node.audit.events.at(-1)).toMatchObject({ type: 'connection.metadata_failed', outcome: 'failure' });
    const after = (await read()) as { identity_provider?: { problem?: string } };
    expect(after).toMatchObject({ identity_provider: { problem: expect.any(String) } });
    delete after.identity_provider?.problem;
    expect(after).toEqual(before);
    serve(idp.metadata());
    node.clock.advance(HOUR);
    expect(await node.saml.refreshDue()).toBe(1);
    expect((await read())['identity_provider']).not.toHaveProperty('problem');
  });

  test('is read again when an operator asks, who hears why it is not taken', async () => {
    await create({ metadata_url: url });
    const refresh = () => node.call('connections.refresh_metadata', { connection: 'acme' });
    serve(idp.metadata({ certificates: [idp.key.certificate, publisher.certificate] }));
    expect(await refresh()).toMatchObject({ identity_provider: { certificates: [{}, {}] } });
    serve('away');
    await expect(refresh()).rejects.toMatchObject(problem('the metadata is refused'));
    expect(await read()).toMatchObject({ identity_provider: { problem: expect.any(String), certificates: [{}, {}] } });
    await create({ ...fields(), entity_id: 'https://other.example' }, 'fields');
    await expect(node.call('connections.refresh_metadata', { connection: 'fields' })).rejects.toMatchObject(
      problem('metadata_url must be given'),
    );
  });

  test('must be signed with the certificate that the connection names, also later', async () => {
    const signed = await signXml(withId(idp.metadata()), publisher);
    serve(signed);
    await create({ metadata_url: url, metadata_certificates: publisher.certificate });
    expect(await read()).toMatchObject({ identity_provider: { metadata_is_signed: true } });
    serve(await signXml(withId(idp.metadata({ certificates: [publisher.certificate] })), idp.key));
    node.clock.advance(DAY);
    await node.saml.refreshDue();
    expect(await read()).toMatchObject({
      identity_provider: { problem: expect.stringContaining('refused'), certificates: [{ subject: 'CN=peer' }] },
    });
  });
});

const withId = (xml: string): string =>
  xml.includes(' ID="') ? xml : xml.replace(/<(\w+:)?EntityDescriptor/, (start) => `${start} ID="_metadata"`);

/** Every operation runs in the product, and gives what its output schema says; a new one is missing here until it does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operations } from '../src/app/operations.ts';
import { isOwn } from '#directory/access/module.ts';
import { createIdentities } from '#directory/identities/module.ts';
import type { UserId } from '#directory/users/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { routeOf } from '../src/api/operation-route.ts';
import { API, callApi, userTokens } from './support/api.ts';
import { startTestApp, type TestApp, type TestClient, testSecrets } from './support/app.ts';
import { recordingAudit } from './support/audit.ts';
import { openDns, type TestDns } from './support/dns.ts';
import { startPublisher } from './support/publisher.ts';
import { startSamlProvider } from './support/saml-provider.ts';
import { keepIdentity, keepPasskey, keepRecoveryCodes, keepTotp, keepTrustedBrowser } from './support/user-parts.ts';
import { tokensFor, Visitor } from './support/visitor.ts';

let latchkey: TestApp;
let dns: TestDns;
let publisher: Awaited<ReturnType<typeof startPublisher>>;
beforeAll(async () => {
  [dns, publisher] = await Promise.all([openDns(), startPublisher()]);
  latchkey = await startTestApp({
    settings: { 'registration.mode': 'invitation', 'oidc.registration': 'token', 'users.username': 'optional' },
    env: { DNS_SERVERS: dns.address, OUTBOUND_ALLOW: '127.0.0.1/32' },
  });
});
afterAll(async () => {
  await latchkey.close();
  await dns.close();
  await publisher.close();
});

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const email = 'ada@every.example';

/** A token of the user at the provider, as a sign-in leaves it. */
async function keepToken(userId: UserId, connection: string): Promise<void> {
  const { database } = latchkey.app;
  await database.sql(
    `insert into user_identity (connection, issuer, subject, user_id, created_at) values ($1, '', $2::text, $2::uuid, now())`,
    [connection, toUuid(userId)],
  );
  const keyRing = createKeyRing([testSecrets]);
  const tokens = { accessToken: 'a', tokenType: 'bearer', refreshToken: null, expiresAt: null, scope: null };
  const { tokens: kept } = createIdentities({ clock: systemClock, database, keyRing, audit: recordingAudit() });
  await kept.keep(userId, { connection, issuer: '', subject: toUuid(userId) }, tokens);
}

/** A user who is signed in with every scope for own data: there are no commands for it. */
async function ownCaller() {
  const permissions = operations.filter(({ permission }) => isOwn(permission)).map(({ permission }) => permission);
  const scope = [...new Set(permissions)].join(' ');
  const [user, client] = [
    await latchkey.user(),
    await latchkey.client({ first_party: true, apis: { [API]: scope.split(' ') } }),
  ];
  const { access_token: token } = await userTokens(latchkey, client, user, `openid ${scope}`);
  const done: string[] = [];
  const call = async (name: string, id = '', json?: object) => {
    const { method, path } = routeOf(operations.find((each) => each.name === name)!);
    const address = path.replace(/^\/api/, '').replace(/\{\w+\}/, id);
    const { status, body } = await callApi(latchkey, address, { method, token, ...(json && { json }) });
    expect([status, body['code']], name).toEqual([200, undefined]);
    done.push(name);
    return body;
  };
  return async (connection: string): Promise<string[]> => {
    await keepToken(user.id as UserId, connection);
    await latchkey.run('connections.update', { connection, token_clients: [client.client_id] });
    expect(await call('me.identities.fetch_token', connection)).toEqual({
      access_token: 'a',
      token_type: 'bearer',
      expires_at: null,
      scope: null,
    });
    await call('me.update', '', { nickname: 'Every' });
    for (const name of ['me.read', 'me.organizations.list', 'me.factors.list', 'me.export']) await call(name);
    const [session] = (await call('me.sessions.list'))['sessions'] as { id: string }[];
    await call('me.sessions.read', session!.id);
    await call('me.sessions.delete', session!.id);
    return done;
  };
}

/** Credentials and linked accounts of a user. */
async function useParts() {
  const user = await latchkey.user();
  const user_id = user.id;
  const { id: email_id } = await run('users.emails.create', { user_id, email: 'more@every.example' });
  await run('users.emails.list', { user_id });
  await run('users.emails.read', { user_id, email_id });
  await run('users.emails.send_verification', { user_id, email_id });
  await run('users.emails.update', { user_id, email_id, verified: true });
  await run('users.emails.delete', { user_id, email_id });
  const phone_number_id = 'primary';
  await run('users.phone_numbers.create', { user_id, phone_number: '+12025550123', verified: true });
  await run('users.phone_numbers.list', { user_id });
  await run('users.phone_numbers.update', { user_id, phone_number_id, primary: true });
  for (const verb of ['read', 'delete']) await run(`users.phone_numbers.${verb}`, { user_id, phone_number_id });
  const passkey_id = await keepPasskey(latchkey, user);
  await run('users.passkeys.list', { user_id });
  await run('users.passkeys.read', { user_id, passkey_id });
  await run('users.passkeys.update', { user_id, passkey_id, name: 'Blue key' });
  await keepTotp(latchkey, user);
  await run('users.passkeys.delete', { user_id, passkey_id });
  await keepRecoveryCodes(latchkey, user);
  for (const part of ['totp', 'recovery_codes'])
    for (const verb of ['read', 'delete']) await run(`users.${part}.${verb}`, { user_id });
  const [trusted_browser_id] = [await keepTrustedBrowser(latchkey, user), await keepTrustedBrowser(latchkey, user)];
  await run('users.trusted_browsers.list', { user_id });
  for (const verb of ['read', 'delete']) await run(`users.trusted_browsers.${verb}`, { user_id, trusted_browser_id });
  await run('users.trusted_browsers.delete_all', { user_id });
  await keepIdentity(latchkey, user);
  const [identity] = (await run('users.identities.list', { user_id }))['identities'] as unknown as { id: string }[];
  for (const verb of ['read', 'delete']) await run(`users.identities.${verb}`, { user_id, identity_id: identity!.id });
}

const done = new Set<string>();
/** Runs an operation, which checks its output schema, and keeps that it ran. */
async function run(name: string, members: object = {}): Promise<Record<string, never>> {
  const answer: Record<string, never> = await latchkey.run(name, members);
  expect(JSON.parse(JSON.stringify(answer)), name).toEqual(answer);
  done.add(name);
  return answer;
}

// Each test goes on with the user, the client and the organization of the tests before it.
let user_id: string;
let client: TestClient;
let organization_id: string;

test('operations on clients and APIs give what their output schemas let through', async () => {
  await run('database.migrate');
  const { client_id } = await run('clients.create', {
    name: 'Every',
    type: 'web',
    redirect_uris: ['http://127.0.0.1:9/'],
  });
  const { client_secret_id } = await run('clients.secrets.rotate', { client_id });
  await run('clients.secrets.list', { client_id });
  await run('clients.secrets.read', { client_id, client_secret_id });
  await run('clients.secrets.delete', { client_id, client_secret_id });
  await run('clients.secrets.create', { client_id });
  await run('clients.update', { client_id, name: 'All', tos_uri: 'https://every.example/terms' });
  for (const verb of ['disable', 'enable', 'read']) await run(`clients.${verb}`, { client_id });
  const first = await run('clients.list', { limit: 1 });
  expect(first['clients']).toHaveLength(1);
  await run('clients.delete', { client_id });

  const identifier = 'https://api.every.example';
  const { id: api_id } = await run('apis.create', { identifier, scopes: [{ name: 'read' }] });
  await run('apis.list');
  await run('apis.read', { api_id });
  await run('apis.update', { api_id, name: 'Every' });
  await run('apis.scopes.create', { api_id, name: 'write' });
  await run('apis.scopes.list', { api_id });
  await run('apis.scopes.update', { api_id, scope: 'write', description: 'Write' });
  await run('apis.scopes.read', { api_id, scope: 'write' });
  await run('apis.scopes.delete', { api_id, scope: 'write' });
  await run('apis.delete', { api_id });
});

test('operations on users give what their output schemas let through', async () => {
  const address = { country: 'UK' };
  const password = 'correct horse battery staple 9';
  const created = await run('users.create', { email, password, phone_number: '+12025550123', address });
  user_id = String(created['id']);
  client = await latchkey.client();
  await tokensFor(latchkey.base, client, { email, password }, {}, new Visitor());
  await run('clients.preview_claims', { client_id: client.client_id, user: email });
  await run('users.list');
  await run('users.read', { user_id });
  await run('users.sign_ins.list', { user_id });
  await run('instance.check');
  const [session] = (await run('users.sessions.list', { user_id }))['sessions'] as unknown as { id: string }[];
  for (const verb of ['read', 'delete']) await run(`users.sessions.${verb}`, { user_id, session_id: session!.id });
  await run('users.consents.list', { user_id });
  for (const verb of ['read', 'delete']) await run(`users.consents.${verb}`, { user_id, client_id: client.client_id });
  await run('users.sessions.end_all', { user_id });
  await run('users.update', { user_id, nickname: 'E' });
  await run('users.bulk_create', { rows: [{ email: 'bulk@every.example' }, {}] });
  await run('users.bulk_update', { rows: [{ id: user_id, nickname: 'F' }, {}] });
  for (const verb of ['disable', 'enable']) await run(`users.bulk_${verb}`, { user_ids: [user_id] });
  for (const verb of ['password.send_reset', 'password.set_temporary', 'unlock'])
    await run(`users.${verb}`, { user_id });
  await run('users.picture.update', { user_id, content: null });
  for (const verb of ['read', 'delete']) await run(`users.picture.${verb}`, { user_id });
  await run('users.delete', { user_id });
  await run('users.restore', { user_id });
  await run('users.properties.update', { user_id });
  await run('users.properties.read', { user_id });
  await run('users.username.update', { user_id, username: 'every' });
  await run('users.username.delete', { user_id });
  for (const verb of ['allow_organizations', 'refuse_organizations']) await run(`users.${verb}`, { user_id });
});

test('operations on organizations give what their output schemas let through', async () => {
  const created = await run('organizations.create', { name: 'Every', metadata: { plan: 'pro' } });
  organization_id = String(created['id']);
  await run('organizations.members.create', { organization_id, user_id });
  await run('organizations.members.list', { organization_id });
  await run('organizations.members.read', { organization_id, user_id });
  await run('users.organizations.list', { user_id });
  await run('organizations.members.update', { organization_id, user_id, roles: ['TENANT_MANAGER'] });
  const rows = { organization_id, members: [{ user_id }, { email: 'nobody@example.com' }] };
  await run('organizations.members.bulk_create', rows);
  await run('organizations.members.bulk_delete', { organization_id, members: [{ user_id: newId('usr') }] });
  await run('organizations.members.delete', { organization_id, user_id });
  const invited = { organization_id, email: 'invited@example.com' };
  const { id: invitation_id } = await run('organizations.invitations.create', invited);
  await run('organizations.invitations.list', { organization_id });
  await run('organizations.invitations.read', { organization_id, invitation_id });
  const invitations = [{ email: 'bulk@example.com' }, { email: 'no address' }];
  await run('organizations.invitations.bulk_create', { organization_id, invitations });
  await run('organizations.invitations.resend', { organization_id, invitation_id });
  await run('organizations.invitations.delete', { organization_id, invitation_id });
  const added = await run('organizations.domains.create', { organization_id, domain: 'every-one.com' });
  const domain = { organization_id, domain_id: added['id'] };
  const { name, value }: { name: string; value: string } = added['record']!;
  dns.records.set(name, [value]);
  await run('organizations.domains.confirm', domain);
  await run('organizations.domains.update', { ...domain, joining: 'ask' });
  await run('organizations.domains.list', { organization_id });
  await run('organizations.domains.read', domain);
  const asking = { organization_id, user_id };
  for (const verb of ['approve', 'refuse']) {
    await latchkey.app.database.sql(
      `insert into organization_join (organization_id, user_id, state, email, created_at)
       select organization_id, (select id from users where email = $1), 'asked', $1, now() from organization_domain
       on conflict (organization_id, user_id) do update set state = 'asked'`,
      [email],
    );
    await run('organizations.join_requests.list', { organization_id });
    await run('organizations.join_requests.read', asking);
    await run(`organizations.join_requests.${verb}`, asking);
  }
  await run('organizations.domains.delete', domain);
  const machine = await latchkey.client({ type: 'machine', redirect_uris: undefined });
  await run('organizations.clients.allow', { organization_id, client_id: machine.client_id });
  await run('organizations.clients.list', { organization_id });
  await run('organizations.clients.read', { organization_id, client_id: machine.client_id });
  await run('organizations.clients.delete', { organization_id, client_id: machine.client_id });
  await run('organizations.update', { organization_id, name: 'All' });
  await run('organizations.branding.update', { organization_id, change: { color: '#0a3fb5' } });
  await run('organizations.branding.read', { organization_id });
  await run('organizations.logo.update', { organization_id, content: png });
  for (const verb of ['read', 'delete']) await run(`organizations.logo.${verb}`, { organization_id });
  await run('organizations.list');
  await run('organizations.policy.update', { organization_id, name: 'mfa.enforcement', value: 'required' });
  await run('organizations.policy.read', { organization_id });
  for (const verb of ['read', 'suspend', 'resume', 'close', 'reopen'])
    await run(`organizations.${verb}`, { organization_id });
});

test('operations that import, invite and give rights give what their output schemas let through', async () => {
  for (const verb of ['require_password', 'disable', 'enable']) await run(`users.${verb}`, { user_id });
  await run('users.reset_mfa', { user_id, reason: 'lost phone' });
  await run('users.export', { with_hashes: true });
  await run('users.import', {
    lines: [
      { line: 1, record: { email: 'bob@every.example' } },
      { line: 2, record: 7 },
    ],
  });
  const eve = await run('invitations.create', { email: 'eve@every.example' });
  await run('invitations.list');
  for (const verb of ['read', 'resend', 'delete']) await run(`invitations.${verb}`, { invitation_id: eve['id'] });

  await run('waitlist.invite', { emails: ['nobody@every.example'] });
  await latchkey.app.database.sql(
    `insert into waitlist_entry (id, email, email_canonical, name, language, joined_at)
     values (gen_random_uuid(), 'wait@every.example', 'wait@every.example', 'Wait', 'en', now())`,
  );
  await run('waitlist.list');
  await run('waitlist.read', { email: 'wait@every.example' });
  await run('waitlist.delete', { email: 'wait@every.example' });

  await useAccess(user_id);
  await useParts();
});

test('operations on connections give what their output schemas let through', async () => {
  // Before the page of a sign-in has buttons of providers.
  const useOwn = await ownCaller();
  const provided = {
    slug: 'github',
    provider: 'github',
    client_id: 'latchkey',
    client_secret: 'secret',
    stores_tokens: true,
  };
  const { slug: connection } = await run('connections.create', provided);
  await run('connections.list', { organization_id });
  await run('connections.read', { connection });
  await keepToken(user_id as UserId, connection as unknown as string);
  await run('users.identities.fetch_token', { user_id, connection });
  for (const name of await useOwn(connection as unknown as string)) done.add(name);
  await run('connections.update', { connection, enabled: false });
  await run('connections.test', { connection });
  await run('connections.delete', { connection });
  publisher.text = (await startSamlProvider()).metadata();
  const published = { slug: 'saml', provider: 'saml', metadata_url: publisher.url };
  await run('connections.create', published);
  await run('connections.refresh_metadata', { connection: 'saml' });
  await run('connections.delete', { connection: 'saml' });
  const own = { organization_id, connection };
  await run('organizations.connections.create', { organization_id, ...provided });
  await run('organizations.connections.list', { organization_id });
  await run('organizations.connections.read', own);
  await run('organizations.connections.update', { ...own, enabled: false });
  await run('organizations.connections.test', own);
  await run('organizations.connections.delete', own);
  await run('organizations.connections.create', { organization_id, ...published });
  await run('organizations.connections.refresh_metadata', { organization_id, connection: 'saml' });
});

test('operations on SAML applications and keys give what their output schemas let through', async () => {
  const saml = {
    name: 'Wiki',
    client_id: 'wiki',
    entity_id: 'urn:wiki',
    acs_urls: [{ url: 'https://wiki.example/acs' }],
  };
  await run('saml_applications.create', saml);
  await run('saml_applications.list');
  await run('saml_applications.read', { client_id: 'wiki' });
  await run('saml_applications.update', { client_id: 'wiki', name_id_format: 'email' });
  await run('saml_applications.preview_claims', { client_id: 'wiki', user: email });
  const urn = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:wiki">
    <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService index="0"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://wiki.example/acs"/></md:SPSSODescriptor></md:EntityDescriptor>`;
  publisher.text = urn;
  await run('saml_applications.update', { client_id: 'wiki', metadata_url: publisher.url });
  await run('saml_applications.refresh_metadata', { client_id: 'wiki' });
  await run('saml_applications.delete', { client_id: 'wiki' });

  for (const verb of ['list', 'rotate', 'reencrypt']) await run(`keys.${verb}`);
  const [{ kid } = {}]: { kid?: string }[] = (await run('keys.list'))['keys']!;
  await run('keys.read', { kid });
  const [{ id: key_id } = {}]: { id?: string }[] = (await run('saml.keys.list'))['keys']!;
  await run('saml.keys.read', { key_id });
  await run('saml.keys.rotate', { use: 'signing' });
});

test('operations on the instance give what their output schemas let through', async () => {
  const { id: token_id } = await run('registration_tokens.create');
  await run('registration_tokens.list');
  for (const verb of ['read', 'delete']) await run(`registration_tokens.${verb}`, { token_id });
  const { job_id } = await run('schedules.run', { queue: 'saml-certificates' });
  for (const name of ['schedules.list', 'jobs.list']) await run(name);
  await run('jobs.read', { job_id });
  const { database: jobTable } = latchkey.app;
  for (const [verb, state] of [
    ['retry', 'failed'],
    ['cancel', 'created'],
  ]) {
    const [row] = await jobTable.sql<{ id: string }>(
      `insert into latchkey_jobs.job (name, state, start_after) values ('mail', $1, now() + interval '1 day') returning id`,
      [state],
    );
    await run(`jobs.${verb}`, { job_id: fromUuid('job', row!.id) });
  }
  await run('settings.list');
  await run('settings.update', { name: 'branding.name', value: 'Every' });
  for (const verb of ['read', 'reset']) await run(`settings.${verb}`, { name: 'branding.name' });
  await run('branding.logo.update', { content: png });
  for (const noun of ['branding', 'branding.logo', 'branding.stylesheet']) await run(`${noun}.read`);
  await run('branding.stylesheet.update', { content: null });
  for (const noun of ['branding.logo', 'branding.stylesheet']) await run(`${noun}.delete`);
  await run('branding.clients.update', { client_id: client.client_id, color: '#0a3fb5' });
  await run('branding.clients.read', { client_id: client.client_id });
  await run('branding.client_logos.fetch', { client_id: client.client_id });
  for (const verb of ['verify', 'checkpoint']) await run(`audit.${verb}`);
  await run('audit.drop', { before: '2020-01' });
  await run('event_types.list');
  const [{ id: event_id } = {}]: { id?: string }[] = (await run('events.list'))['events']!;
  await run('events.read', { event_id });
  const [{ id: own_event } = {}]: { id?: string }[] = (await run('organizations.events.list', { organization_id }))[
    'events'
  ]!;
  await run('organizations.events.read', { organization_id, event_id: own_event });
});

test('every operation is among them', () => {
  expect([...done].sort()).toEqual(operations.map(({ name }) => name).sort());
});

/** Roles, groups and assignments, on the instance and in an organization. */
async function useAccess(user_id: string) {
  const { id: organization_id } = await run('organizations.create', { name: 'Access' });
  await run('organizations.members.create', { organization_id, user_id });
  for (const [start, place] of [
    ['', {}],
    ['organizations.', { organization_id }],
  ] as const) {
    const { id: role_id } = await run(`${start}roles.create`, { ...place, name: `role${start.length}` });
    await run(`${start}roles.update`, { ...place, role_id, inherits: ['TENANT_USER'] });
    for (const verb of ['roles.read', 'roles.list'])
      await run(start + verb, { ...place, ...(verb === 'roles.read' ? { role_id } : {}) });
    const { id: group_id } = await run(`${start}groups.create`, { ...place, name: 'Group' });
    await run(`${start}groups.update`, { ...place, group_id, description: 'Users' });
    await run(`${start}groups.read`, { ...place, group_id });
    await run(`${start}groups.list`, place);
    await run(`${start}groups.members.create`, { ...place, group_id, user_id });
    await run(`${start}groups.members.list`, { ...place, group_id });
    await run(`${start}groups.members.read`, { ...place, group_id, user_id });
    await run(`${start}permissions.list`, place);
    const { id: assignment_id } = await run(`${start}assignments.create`, { ...place, group_id, role: role_id });
    await run(`${start}assignments.list`, { ...place, group_id });
    await run(`${start}assignments.read`, { ...place, assignment_id });
    await run(`${start}access.explain`, { ...place, user_id, permission: 'organization.read' });
    await run(`${start}assignments.delete`, { ...place, assignment_id });
    await run(`${start}groups.members.delete`, { ...place, group_id, user_id });
    await run(`${start}groups.delete`, { ...place, group_id });
    await run(`${start}roles.delete`, { ...place, role_id });
  }
  const question = { user_id, permission: 'users.read' };
  await run('access.check', question);
  await run('access.check_batch', { checks: [question] });
}

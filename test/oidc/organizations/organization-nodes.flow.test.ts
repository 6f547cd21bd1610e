import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { userTokens } from '../../support/api.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { basic, type Node, sender, startNode } from '../../support/nodes.ts';
import { leave, organizationOf, setStatus, type TestOrganization } from '../../support/organizations.ts';
import { tokensFor } from '../../support/visitor.ts';

/** On PostgreSQL another process; the embedded database has one. */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;

let latchkey: TestApp;
let other: Node;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, organization_usage: 'allow' });
  const itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey) : { send: itself.send, stop: async () => itself.close() };
});
afterAll(async () => {
  await other.stop();
  await latchkey.close();
});

/** Before what is in memory grows old by itself (`UNTOLD_CHANGE_SEEN_AFTER`). */
const byMessage = { timeout: 3500, interval: 20 };

test.each<[string, (organization: TestOrganization, user: TestUser) => Promise<unknown>]>([
  ['a member leaves', (organization, user) => leave(latchkey, organization, user)],
  ['the organization is suspended', (organization) => setStatus(latchkey, organization, 'suspended')],
])('when %s on one node, another one that knows the token follows', async (_what, act) => {
  const user = await latchkey.user();
  const organization = await organizationOf(latchkey, [user]);
  const issued = await tokensFor(latchkey.base, client, user, {
    scope: 'openid offline_access',
    prompt: 'consent',
    organization: organization.id,
  });
  const ask = async (path: string, form: Record<string, string>) =>
    (await other.send(path, { form, headers: basic(client) })).body;
  const seen = async () => (await ask('/oidc/introspect', { token: issued.access_token }))['active'];
  expect(await seen()).toBe(true);
  await act(organization, user);
  await vi.waitFor(async () => expect(await seen()).toBe(false), byMessage);
  const refreshed = await ask('/oidc/token', { grant_type: 'refresh_token', refresh_token: issued.refresh_token });
  expect(refreshed['error']).toBe('invalid_grant');
});

test.each(['opaque', 'jwt'])(
  'when roles change on one node, another one tells them: %s tokens of an API',
  async (token_format) => {
    const resource = `https://${token_format}.example`;
    await latchkey.run('apis.create', { identifier: resource, scopes: [{ name: 'read' }], token_format });
    const apis = { [resource]: ['*'] };
    const app = await latchkey.client({ first_party: true, apis, organization_usage: 'allow' });
    const user = await latchkey.user();
    const { id: organization_id } = await organizationOf(latchkey, [user]);
    const asked = { resource, organization: organization_id };
    const { access_token: token } = await userTokens(latchkey, app, user, 'openid read', asked);
    const ask = async () => (await other.send('/oidc/introspect', { form: { token }, headers: basic(app) })).body;
    expect(await ask()).toMatchObject({ active: true, aud: resource, org_roles: [] });
    const seen = (roles: readonly string[]) =>
      vi.waitFor(async () => expect((await ask())['org_roles']).toEqual(roles), byMessage);
    const given = { organization_id, user_id: user.id, role: 'TENANT_MANAGER' };
    const { id } = await latchkey.run<{ id: string }>('organizations.assignments.create', given);
    await seen(['TENANT_MANAGER', 'TENANT_USER']);
    await latchkey.run('organizations.assignments.delete', { organization_id, assignment_id: id });
    await seen([]);
    await latchkey.run('organizations.members.delete', { organization_id, user_id: user.id });
    await vi.waitFor(async () => expect(await ask()).toEqual({ active: false }), byMessage);
  },
);

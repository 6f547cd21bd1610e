/** Organizations as an integrator uses them: operations, a relying party on openid-client, an API that asks about tokens. */
import * as oidc from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, redirectUri, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import type { TestOrganization } from '../../support/organizations.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

const api = 'https://invoices.example';

let mails: Mails;
let latchkey: TestApp;
let config: oidc.Configuration;
let resource: oidc.Configuration;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  await latchkey.run('apis.create', {
    identifier: api,
    scopes: [{ name: 'invoices:read' }, { name: 'invoices:write' }],
    organization_permissions: true,
  });
  const apis = { [api]: ['*'] };
  const client = await latchkey.client({ name: 'Tally', first_party: true, apis, organization_usage: 'require' });
  const server = await latchkey.run<TestClient>('clients.create', { name: 'Invoices', type: 'machine', apis });
  [config, resource] = await Promise.all([relyingParty(client), relyingParty(server)]);
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const relyingParty = ({ client_id: id, client_secret: secret }: TestClient) =>
  oidc.discovery(new URL(latchkey.base), id, secret, undefined, { execute: [oidc.allowInsecureRequests] });

async function begin() {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid offline_access invoices:read',
    resource: api,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  return { url, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce } };
}

const may = async (question: Record<string, string>): Promise<boolean> =>
  (await latchkey.run<{ allowed: boolean }>('access.check', question)).allowed;
const at = (page: Page): URL => new URL(page.location ?? page.url);

test('from an invitation and its roles to tokens, a change of the organization, and the end of a membership', async () => {
  const acme = await latchkey.run<TestOrganization>('organizations.create', { name: 'Acme', slug: 'acme' });
  const beta = await latchkey.run<TestOrganization>('organizations.create', { name: 'Beta', slug: 'beta' });
  const [read, write] = [`${api} invoices:read`, `${api} invoices:write`];
  await latchkey.run('roles.create', { name: 'READER', permissions: [read] });
  await latchkey.run('roles.create', { name: 'WRITER', permissions: [write], inherits: ['READER'] });
  const user = await latchkey.user({ email_verified: true });
  await latchkey.run('organizations.members.create', {
    organization_id: beta.id,
    user_id: user.id,
    roles: ['READER'],
  });
  await latchkey.run('organizations.invitations.create', {
    organization_id: acme.id,
    email: user.email,
    roles: ['WRITER'],
  });

  // The user signs in from the mail and accepts.
  const visitor = new Visitor();
  let page = await visitor.open((await mails.next(user.email, /Acme/)).link);
  page = await visitor.submit(page, {}, 'continue');
  for (let pages = 0; pages < 3 && !page.text.includes('value="accept"'); pages += 1)
    page = await visitor.submit(
      page,
      page.text.includes('name="password"') ? { password: user.password } : { email: user.email },
    );
  await visitor.submit(page, {}, 'accept');

  // At the application the user chooses one of two organizations.
  const { url, checks } = await begin();
  page = await visitor.open(url.href);
  expect(page.text).toContain('Acme');
  page = await visitor.submit(page, {}, acme.id);
  const tokens = await oidc.authorizationCodeGrant(config, at(page), checks, { resource: api });
  expect(tokens.claims()).toMatchObject({ org_id: acme.id, org_slug: 'acme', org_roles: ['READER', 'WRITER'] });
  expect(await oidc.tokenIntrospection(resource, tokens.access_token)).toMatchObject({
    active: true,
    org_id: acme.id,
    org_permissions: ['invoices:read', 'invoices:write'],
  });
  const inAcme = { user_id: user.id, organization_id: acme.id };
  expect([
    await may({ ...inAcme, permission: read }),
    await may({ ...inAcme, permission: write }),
    await may({ ...inAcme, permission: write, organization_id: beta.id }),
  ]).toEqual([true, true, false]);
  expect(await may({ token: tokens.access_token, permission: read })).toBe(true);
  expect(await may({ token: tokens.access_token, permission: write })).toBe(false);

  const other = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', {
    organization: 'beta',
    resource: api,
  });
  expect(other.claims()).toMatchObject({ org_id: beta.id, org_roles: ['READER'] });
  expect(await oidc.tokenIntrospection(resource, other.access_token)).toMatchObject({
    org_id: beta.id,
    org_permissions: ['invoices:read'],
  });

  expect(await may({ token: other.access_token, permission: read })).toBe(true);

  await latchkey.run('organizations.members.delete', { organization_id: beta.id, user_id: user.id });
  expect(await oidc.tokenIntrospection(resource, other.access_token)).toEqual({ active: false });
  expect(await may({ token: other.access_token, permission: read })).toBe(false);
  await expect(oidc.refreshTokenGrant(config, other.refresh_token ?? '')).rejects.toMatchObject({
    error: 'invalid_grant',
  });
  expect(await oidc.tokenIntrospection(resource, tokens.access_token)).toMatchObject({ active: true, org_id: acme.id });
});

/**
 * Organizations as a stranger tries them: a server started by command, commands in a terminal, a browser, an application and
 * an API on openid-client. Nothing reaches into the process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, password, type TestClient } from '../support/app.ts';
import { launchBrowser } from '../support/browser.ts';
import { endAll, launch, type Running } from '../support/processes.ts';
import { expectGoodPage, newPerson, type Person, press } from './person.ts';

const api = 'https://invoices.example';
const email = 'ada@example.com';

let browser: Browser;
let folder: string;
let base: string;
let env: Record<string, string>;
let person: Person;
let application: Awaited<ReturnType<typeof startApplication>>;
const running: Running[] = [];

beforeAll(async () => {
  const port = await freePort();
  base = `http://localhost:${port}`;
  [browser, folder] = await Promise.all([launchBrowser(), mkdtemp(join(tmpdir(), 'latchkey-organizations-'))]);
  env = { LATCHKEY_DATA: folder, PORT: String(port) };
  const server = launch(['serve'], env);
  running.push(server);
  await server.says('Latchkey is ready');
  person = await newPerson(browser);
  application = await startApplication();
});
afterAll(async () => {
  await person?.context.close();
  await browser?.close();
  await application?.close();
  await endAll(running);
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command; gives its answer as JSON. */
async function latchkey<T = Record<string, unknown>>(...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await launch([...words, '--json'], env).ended;
  expect(code, `${words.join(' ')}: ${stderr}`).toBe(0);
  return JSON.parse(stdout) as T;
}

const relyingParty = ({ client_id: id, client_secret: secret }: TestClient) =>
  oidc.discovery(new URL(base), id, secret, undefined, { execute: [oidc.allowInsecureRequests] });

/** The application: an address that keeps the answer of a sign-in. */
async function startApplication() {
  const { promise: arrived, resolve } = Promise.withResolvers<URL>();
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', redirectUri);
    if (url.pathname === '/cb') resolve(url);
    res.writeHead(200, { 'content-type': 'text/html' });
    res.end('<!doctype html><html lang="en"><title>Tally</title><link rel="icon" href="data:,"><h1>Tally</h1></html>');
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cb`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((closed) => void server.close(closed));
  };
  return { redirectUri, arrived, close };
}

/** Opens the invitation from the list of mails that were not sent. */
async function openInvitation(page: Page): Promise<void> {
  await page.goto(`${base}/dev/mailbox`);
  await page.getByRole('link', { name: /Acme/ }).click();
  await expectGoodPage(page);
  await page.locator('main a[rel=noreferrer]').first().click();
  await page.waitForLoadState();
}

/** A sign-in at the application, from its address on; the user chooses the organization. */
async function signIn(page: Page, config: oidc.Configuration, organization: string) {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: application.redirectUri,
    scope: 'openid offline_access invoices:read invoices:write',
    resource: api,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  await page.goto(url.href);
  await page.getByRole('heading', { name: 'Choose an organization' }).waitFor();
  await expectGoodPage(page);
  await page.getByRole('button', { name: organization }).click();
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  return oidc.authorizationCodeGrant(config, await application.arrived, checks, { resource: api });
}

test('from an organization made by command to roles in tokens, a second organization, and the end of a membership', async () => {
  // The operator: two organizations, an API, roles, an application and a service.
  const acme = await latchkey<{ id: string }>('organization', 'create', 'Acme', '--slug', 'acme');
  const beta = await latchkey<{ id: string }>('organization', 'create', 'Beta', '--slug', 'beta');
  const scopes = ['--scope', 'invoices:read', '--scope', 'invoices:write'];
  await latchkey('api', 'create', '--identifier', api, ...scopes, '--organization-permissions');
  await latchkey('role', 'create', '--name', 'READER', '--permission', `${api} invoices:read`);
  await latchkey('role', 'create', '--name', 'WRITER', '--permission', `${api} invoices:write`, '--inherit', 'READER');
  const tally = [
    '--name',
    'Tally',
    '--type',
    'web',
    '--redirect-uri',
    application.redirectUri,
    '--api',
    api,
    '--first-party',
  ];
  const client = await latchkey<TestClient>('client', 'create', ...tally, '--organization-usage', 'require');
  const service = ['--name', 'Invoices', '--type', 'machine', '--api', api, '--api', 'urn:latchkey:api=access.check'];
  const server = await latchkey<TestClient>('client', 'create', ...service);
  await latchkey('organization', 'invite', 'acme', email, '--role', 'WRITER');

  // The invited person creates an account from the mail, and belongs to the organization.
  const { page } = person;
  await openInvitation(page);
  await expectGoodPage(page);
  await press(page, 'continue');
  await page.locator('#name').fill('Ada Byron');
  await page.locator('#password').fill(password);
  await expectGoodPage(page);
  await press(page, 'continue');
  await page.getByRole('status').filter({ hasText: 'You’ve joined' }).waitFor();
  await page.getByText('WRITER').waitFor();
  await expectGoodPage(page);

  // At the application the user chooses one of two organizations.
  await latchkey('organization', 'add-member', 'beta', email, '--role', 'READER');
  const [config, resource] = await Promise.all([relyingParty(client), relyingParty(server)]);
  const tokens = await signIn(page, config, 'Acme');
  expect(tokens.claims()).toMatchObject({ org_id: acme.id, org_slug: 'acme', org_roles: ['READER', 'WRITER'] });
  const both = ['invoices:read', 'invoices:write'];
  expect(decodeJwt(tokens.access_token)).toMatchObject({
    org_id: acme.id,
    org_roles: ['READER', 'WRITER'],
    org_permissions: both,
  });
  const introspect = ({ access_token: token }: oidc.TokenEndpointResponse) => oidc.tokenIntrospection(resource, token);
  expect(await introspect(tokens)).toMatchObject({ active: true, org_id: acme.id, org_permissions: both });

  // The operator asks by command, the API by its own token; an inherited permission counts.
  const write = `${api} invoices:write`;
  const ask = async (organization: string) =>
    latchkey('access', 'check', '--user-id', email, '--permission', write, '--organization-id', organization);
  const own = await oidc.clientCredentialsGrant(resource, { resource: 'urn:latchkey:api', scope: 'access.check' });
  const check = async ({ access_token: token }: oidc.TokenEndpointResponse, permission: string): Promise<unknown> => {
    const answer = await fetch(`${base}/api/v1/access/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${own.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ token, permission: `${api} ${permission}` }),
    });
    return answer.json();
  };
  expect([await ask('acme'), await ask('beta')]).toEqual([{ allowed: true }, { allowed: false }]);
  expect(await check(tokens, 'invoices:read')).toEqual({ allowed: true });

  // The same sign-in, for the other organization.
  const other = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', {
    organization: 'beta',
    resource: api,
  });
  expect(other.claims()).toMatchObject({ org_id: beta.id, org_roles: ['READER'] });
  expect(await introspect(other)).toMatchObject({ org_id: beta.id, org_permissions: ['invoices:read'] });
  expect([await check(other, 'invoices:read'), await check(other, 'invoices:write')]).toEqual([
    { allowed: true },
    { allowed: false },
  ]);

  // Without one membership its tokens are inactive, and the tokens for Acme stay active.
  await latchkey('organization', 'remove-member', 'beta', email);
  await expect.poll(() => introspect(other)).toEqual({ active: false });
  expect(await check(other, 'invoices:read')).toEqual({ allowed: false });
  await expect(oidc.refreshTokenGrant(config, other.refresh_token ?? '')).rejects.toMatchObject({
    error: 'invalid_grant',
  });
  expect(await introspect(tokens)).toMatchObject({ active: true, org_id: acme.id });
  expect(person.complaints).toEqual([]);
}, 300_000);

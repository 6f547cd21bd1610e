/** The columns of oidc-client-ts, in Chromium: a single-page application without a server of its own. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { startBrowser } from '../support/browser.ts';
import { must, type Row } from './matrix.ts';
import { npmVersion } from './peers.ts';
import type { Account } from './person.ts';
import { type Client, createClient, type Product } from './product.ts';

export const singlePage = 'oidc-client-ts';
const sources = join(import.meta.dirname, 'peers', singlePage);
const modules = join(import.meta.dirname, 'node_modules');
const files: Readonly<Record<string, string>> = {
  '/app.js': join(sources, 'app.js'),
  '/oidc-client-ts.js': join(modules, 'oidc-client-ts/dist/esm/oidc-client-ts.js'),
  '/jwt-decode.js': join(modules, 'jwt-decode/build/esm/index.js'),
};

type Place = { browser: Browser; base: string; client: Client; product: Product; account: Account; row: Row };
type Tokens = { access: string; refresh: string | undefined };

/** Runs all columns but the rotation of keys, which the returned function runs. */
export async function singlePageRow(product: Product, account: Account, row: Row): Promise<() => Promise<void>> {
  row.version = await npmVersion(singlePage);
  const { base, client, close } = await serveApp(product);
  const browser = await startBrowser();
  const place = { browser, base, client, product, account, row };
  try {
    await cells(place);
  } catch (error) {
    await Promise.all([browser.close(), close()]);
    throw error;
  }
  return async () => {
    await row.cell('key rotation', async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await signIn(place, page, 'allow');
      await mustShow(page, `Signed in as ${account.email}`);
    });
    await Promise.all([browser.close(), close()]);
  };
}

async function cells(place: Place): Promise<void> {
  const { browser, base, client, product, account, row } = place;
  const context = await browser.newContext();
  const page = await context.newPage();

  await row.cell('consent refused', async () => {
    await signIn(place, page, 'deny');
    await mustShow(page, 'Refused: access_denied');
  });

  await row.cell('sign-in', async () => {
    await page.goto(base);
    await mustShow(page, 'Not signed in');
    await signIn(place, page, 'allow');
    await mustShow(page, `Signed in as ${account.email}`);
  });

  await row.cell('claims', async () => {
    const profile = await page.evaluate(`manager.getUser().then(({ profile }) => profile)`);
    const { email, name: shown } = profile as Record<string, unknown>;
    must(email === account.email && shown === account.name, `the application knows ${JSON.stringify(profile)}`);
  });

  await row.cell('refresh', async () => {
    must((await tokensOf(page)).refresh !== undefined, 'there is no refresh token');
    await mustRenew(page, 'with the refresh token');
    await page.evaluate(
      `manager.getUser().then((user) => manager.storeUser(Object.assign(user, { refresh_token: undefined })))`,
    );
    await mustRenew(page, 'in a hidden frame');
    await signIn(place, page, 'allow');
    await mustShow(page, `Signed in as ${account.email}`);
  });

  await row.cell('parallel refresh', async () => {
    const tabs = [page, await openTab(context, base), await openTab(context, base)];
    const together = product.front.hold(client.client_id, tabs.length);
    await Promise.all(tabs.map((tab, at) => mustRenew(tab, `tab ${at + 1}`)));
    must((await together) === tabs.length, `${await together} refreshes came to the provider together`);
    await mustRenew(page, 'after the parallel ones');
  });

  row.leaveOut('back-channel', 'an application in the browser has no server that could be notified');

  await row.cell('logout', async () => {
    const { access, refresh } = await tokensOf(page);
    must(refresh !== undefined, 'no refresh token to revoke');
    await page.getByRole('button', { name: 'Sign out' }).click();
    const question = page.locator('button[value=logout]');
    await question
      .or(page.getByRole('heading', { name: 'Not signed in' }))
      .first()
      .waitFor();
    if (await question.isVisible()) await question.click();
    await mustShow(page, 'Not signed in');
    const { status } = await fetch(`${product.issuer}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${access}` },
    });
    must(status === 401, `the access token still works: ${status}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('input[name=email]').waitFor();
  });
}

/** Goes from the start page of the application through the pages of the provider, back to the application. */
async function signIn({ base, account }: Place, page: Page, consent: 'allow' | 'deny'): Promise<void> {
  await page.goto(base);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const email = page.locator('input[name=email]:not([type=hidden])');
  const decision = page.locator(`button[value=${consent}]`);
  await email.or(decision).first().waitFor();
  if (await email.isVisible()) {
    await email.fill(account.email);
    await page.keyboard.press('Enter');
    await page.locator('input[name=password]:visible').fill(account.password);
    await page.keyboard.press('Enter');
  }
  await decision.click();
  await page.waitForURL((url) => url.origin === base);
}

async function openTab(context: BrowserContext, base: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(base);
  await tab.getByText('Signed in as').waitFor();
  return tab;
}

async function tokensOf(page: Page): Promise<Tokens> {
  return page.evaluate<Tokens>(
    `manager.getUser().then((user) => ({ access: user.access_token, refresh: user.refresh_token }))`,
  );
}

async function mustRenew(page: Page, how: string): Promise<void> {
  const before = await tokensOf(page);
  const problem = await page.evaluate(`manager.signinSilent().then(() => null, (error) => String(error))`);
  must(problem === null, `${how}: ${String(problem)}`);
  const after = await tokensOf(page);
  must(after.access !== before.access, `${how}: the access token is the old one`);
}

async function mustShow(page: Page, text: string): Promise<void> {
  await page
    .getByRole('heading', { name: text })
    .waitFor({ timeout: 60_000 })
    .catch(async () => must(false, `the application shows "${await page.locator('h1').first().innerText()}"`));
}

/** The files of the application, on an address of the same site as the provider. */
async function serveApp(product: Product): Promise<{ base: string; client: Client; close(): Promise<void> }> {
  let settings = '';
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const send = (type: string, body: string | Buffer) =>
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
    const file = files[pathname];
    if (pathname === '/settings.js') send('text/javascript', settings);
    else if (file) void readFile(file).then((body) => send('text/javascript', body));
    else void readFile(join(sources, 'index.html')).then((body) => send('text/html', body));
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const client = await createClient(product, singlePage, base);
  settings = `export const issuer = ${JSON.stringify(product.issuer)}; export const clientId = ${JSON.stringify(client.client_id)};`;
  return {
    base,
    client,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
    },
  };
}

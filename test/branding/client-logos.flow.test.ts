/** The logo, the policy and the terms of an application, from its metadata to the pages of a sign-in. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let base: string;
let hits = 0;
const upstream = createServer((_req, res) => {
  hits += 1;
  const background = { r: 10, g: 63, b: 181, alpha: 0.5 };
  void sharp({ create: { width: 240, height: 80, channels: 4, background } })
    .png()
    .toBuffer()
    .then((png) => res.setHeader('content-type', 'image/png').end(png));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  latchkey = await startTestApp({
    env: { OUTBOUND_ALLOW: '127.0.0.1' },
    settings: { 'registration.mode': 'open', 'oidc.registration': 'open' },
  });
});
afterAll(async () => {
  await latchkey.close();
  upstream.close();
});

const metadata = () => ({
  logo_uri: `${base}/logo.png`,
  policy_uri: 'https://tally.example/privacy',
  tos_uri: 'https://tally.example/terms',
});
const signIn = (visitor: Visitor, client: Pick<TestClient, 'client_id' | 'redirect_uris'>): Promise<Page> =>
  visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
const logoOf = ({ text }: Page) => /<img src="(\/client-logos\/[^"]+)" alt="([^"]*)">/.exec(text);
const links = ({ text }: Page) =>
  [...text.matchAll(/<a href="(https:\/\/tally[^"]+)" rel="([^"]+)">/g)].map(([, href, rel]) => [href, rel]);

/** The pages of a new visitor, until the job has fetched the logo. */
async function withLogo(client: TestClient): Promise<{ visitor: Visitor; page: Page }> {
  for (;;) {
    const visitor = new Visitor();
    const page = await signIn(visitor, client);
    if (logoOf(page)) return { visitor, page };
  }
}

const bothLinks = [
  ['https://tally.example/privacy', 'noopener noreferrer nofollow'],
  ['https://tally.example/terms', 'noopener noreferrer nofollow'],
];

describe('a client of the operator', () => {
  let client: TestClient;
  beforeAll(async () => {
    client = await latchkey.client({ name: 'Tally & Sons', ...metadata() });
  });

  test('its logo, policy and terms are on the pages of sign-in, registration and consent', async () => {
    const first = await signIn(new Visitor(), client);
    expect(links(first)).toEqual(bothLinks);
    const { visitor, page } = await withLogo(client);
    expect(logoOf(page)?.[2]).toBe('Tally &amp; Sons');
    expect(links(page)).toEqual(bothLinks);
    const registration = await visitor.open(`${page.url.replace(/\/login$/, '')}/create`);
    expect([logoOf(registration)?.[2], links(registration)]).toEqual(['Tally &amp; Sons', bothLinks]);
    const user = await latchkey.user();
    const password = await visitor.submit(await visitor.open(page.url), { email: user.email });
    expect(logoOf(password)?.[2]).toBe('Tally &amp; Sons');
    const consent = await visitor.submit(password, { password: user.password });
    expect(new URL(consent.url).pathname).toMatch(/\/consent$/);
    expect([logoOf(consent)?.[2], links(consent)]).toEqual(['Tally &amp; Sons', bothLinks]);
    expect(hits).toBe(1);
  });

  test('the logo comes from this server, and may be kept for ever', async () => {
    const { page } = await withLogo(client);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/img-src 'self'/);
    expect(policy).not.toContain(new URL(base).host);
    const answer = await fetch(new URL(logoOf(page)![1]!, latchkey.base));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/webp']);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).toMatchObject({
      format: 'webp',
      width: 240,
      hasAlpha: true,
    });
  });

  test('a command fetches it at once and says how that went', async () => {
    const state = await latchkey.run('branding.client_logos.fetch', { client_id: client.client_id });
    expect(state).toMatchObject({ logo_uri: `${base}/logo.png`, shown: true, failures: 0, problem: null });
    await expect(latchkey.run('branding.client_logos.fetch', { client_id: 'nobody' })).rejects.toThrow(
      'branding.client_unknown',
    );
  });

  test('a removed logo_uri and a deleted client take effect', async () => {
    const { page } = await withLogo(client);
    const address = new URL(logoOf(page)![1]!, latchkey.base);
    await latchkey.run('clients.update', { client_id: client.client_id, logo_uri: null });
    expect(logoOf(await signIn(new Visitor(), client))).toBeNull();
    expect((await fetch(address)).status).toBe(404);
    await latchkey.run('clients.update', { client_id: client.client_id, logo_uri: `${base}/logo.png` });
    await withLogo(client);
    await latchkey.run('clients.delete', { client_id: client.client_id });
    expect((await fetch(address)).status).toBe(404);
  });
});

test('a client that registered itself shows its addresses, and a logo only where a setting allows it', async () => {
  const answer = await fetch(`${latchkey.base}/oidc/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Tally', redirect_uris: ['https://tally.example/cb'], ...metadata() }),
  });
  const client = (await answer.json()) as TestClient;
  expect(await latchkey.run('branding.client_logos.fetch', { client_id: client.client_id })).toMatchObject({
    logo_uri: null,
    shown: false,
  });
  const page = await signIn(new Visitor(), client);
  expect([logoOf(page), links(page)]).toEqual([null, bothLinks]);
  await latchkey.run('settings.update', { name: 'oidc.registeredLogos', value: 'true' });
  await withLogo(client);
});

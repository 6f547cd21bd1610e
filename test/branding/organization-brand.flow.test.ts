/** The brand of an organization: on the pages of sign-ins for it, and on no others. */
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, type Page, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let acme: string;
let other: string;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', organization_usage: 'allow' });
  await latchkey.run('branding.clients.update', {
    client_id: client.client_id,
    name: 'Tally',
    color: '#17663f',
  });
  const create = async (name: string) =>
    (await latchkey.run<{ id: string }>('organizations.create', { name, slug: name.toLowerCase() })).id;
  [acme, other] = [await create('Acme'), await create('Other')];
});
afterAll(() => latchkey?.close());

const firstPage = (parameters: Record<string, string> = {}): Promise<Page> =>
  new Visitor().open(
    authorizeUrl(latchkey.base, client, {
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      ...parameters,
    }),
  );
const get = (path: string): Promise<Response> => fetch(new URL(path, latchkey.base));
const rulesOf = async ({ text }: Page): Promise<string> => {
  const addresses = [...text.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map(([, href]) => href!);
  return (await Promise.all(addresses.map(async (href) => (await get(href)).text()))).join('\n');
};
const logoOf = ({ text }: Page): string =>
  /<span class="logo">(?:(?!<\/header>)[\s\S])*? src="([^"]+)"/.exec(text)?.[1] ?? '';
const picture = (format: 'png' | 'gif') =>
  sharp({ create: { width: 900, height: 300, channels: 3, background: '#0a3fb5' } })
    .toFormat(format)
    .toBuffer();
const setLogo = async (content: Buffer | null, more = {}) =>
  latchkey.run('organizations.logo.update', {
    organization_id: acme,
    content: content?.toString('base64') ?? null,
    ...more,
  });

test('shows name, colour and logo on the pages of a sign-in for it, by its id and its slug', async () => {
  const organization_id = acme;
  await latchkey.run('organizations.branding.update', { organization_id, change: { name: 'Acme', color: '#b3261e' } });
  await setLogo(await picture('png'));
  for (const organization of [acme, 'acme']) {
    const page = await firstPage({ organization });
    expect(page.text).toContain('· Acme</title>');
    expect(await rulesOf(page)).toContain('--brand: #b3261e');
    const logo = await get(logoOf(page));
    expect(logo.headers.get('content-type')).toBe('image/webp');
    expect(await sharp(Buffer.from(await logo.arrayBuffer())).metadata()).toMatchObject({ width: 512, height: 171 });
  }
});

test('shows on no other page', async () => {
  for (const parameters of [{}, { organization: other }, { organization: 'nothing' }]) {
    const page = await firstPage(parameters);
    expect(page.text).toContain('· Tally</title>');
    expect(await rulesOf(page)).toContain('--brand: #17663f');
    expect(logoOf(page)).not.toContain('organization-brand');
  }
});

test('is changed member by member, and taken back', async () => {
  const organization_id = acme;
  const change = { radius: 'round' };
  expect(await latchkey.run('organizations.branding.update', { organization_id, change })).toEqual({
    name: 'Acme',
    color: '#b3261e',
    radius: 'round',
  });
  expect(await latchkey.run('organizations.branding.read', { organization_id })).toMatchObject(change);
  await latchkey.run('organizations.branding.update', { organization_id, change: { color: null, name: null } });
  await setLogo(null);
  const page = await firstPage({ organization: acme });
  expect(page.text).toContain('· Latchkey</title>');
  expect(await rulesOf(page)).toContain('--r: 14px');
  expect(logoOf(page)).toBe('');
});

test('is refused with what is no picture, an unknown member or an unknown organization', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h8v8z"/></svg>');
  for (const file of [svg, await picture('gif'), Buffer.alloc(300_000), Buffer.from('89504e470d0a1a0a', 'hex')])
    await expect(setLogo(file)).rejects.toThrow('branding.logo_refused');
  const refused = latchkey.run('organizations.branding.update', {
    organization_id: acme,
    change: { stylesheet: 'body {}' },
  });
  await expect(refused).rejects.toThrow('branding.choice_invalid');
  const unknown = { organization_id: 'org_01h455vb4pex5vsknk084sn02q' };
  const notFound = 'organizations.not_found';
  await expect(latchkey.run('organizations.branding.read', unknown)).rejects.toThrow(notFound);
  await expect(
    latchkey.run('organizations.branding.update', { ...unknown, change: { color: '#000000' } }),
  ).rejects.toThrow(notFound);
  await expect(latchkey.run('organizations.logo.update', { ...unknown, content: null })).rejects.toThrow(notFound);
});

test('goes with the organization', async () => {
  const count = async () => (await latchkey.app.database.sql('select 1 from organization_brand')).length;
  expect(await count()).toBe(1);
  await latchkey.run('settings.update', { name: 'organizations.closingDays', value: 0 });
  await latchkey.run('organizations.close', { organization_id: acme });
  expect(await count()).toBe(0);
});

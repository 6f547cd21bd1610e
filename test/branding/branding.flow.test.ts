import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBranding } from '#branding/module.ts';
import { systemClock } from '#kernel/clock.ts';
import { loadStaticFiles } from '#kernel/http/static.ts';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { authorizeUrl, type Page, Visitor } from '../support/visitor.ts';

const png = (tail = '') => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(tail)]);
const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h8v8z"/></svg>');

let latchkey: TestApp;
let client: TestClient;
let other: TestClient;
let administrator: TestUser;
let person: TestUser;

beforeAll(async () => {
  latchkey = await startTestApp();
  [client, other] = [await latchkey.client({ name: 'Tally' }), await latchkey.client({ name: 'Other' })];
  administrator = await latchkey.user({ administrator: true });
  person = await latchkey.user();
});
afterAll(() => latchkey?.close());

const firstPage = (of = client, visitor = new Visitor()): Promise<Page> =>
  visitor.open(authorizeUrl(latchkey.base, of, { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' }));
const get = (path: string): Promise<Response> => fetch(new URL(path, latchkey.base));
const stylesheetsOf = ({ text }: Page): string[] =>
  [...text.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map(([, href]) => href!);
const rulesOf = async (page: Page): Promise<string> =>
  (await Promise.all(stylesheetsOf(page).map(async (href) => (await get(href)).text()))).join('\n');
const logoOf = ({ text }: Page): string =>
  /<span class="logo">(?:(?!<\/header>)[\s\S])*? src="([^"]+)"/.exec(text)?.[1] ?? '';
const upload = (command: string, content: Buffer | string | null, more = {}) =>
  latchkey.run(command, { content: content === null ? null : Buffer.from(content).toString('base64'), ...more });

/** As it is on a node that has just started on the same database. */
async function anotherNode() {
  const files = loadStaticFiles();
  const { brands } = await createBranding({
    clock: systemClock,
    log: createLog({ level: 'silent' }),
    database: latchkey.app.database,
    policies: latchkey.app.settings,
    settings: latchkey.app.settings,
    audit: { record: async () => {} },
    invalidation: { publish: async () => {}, subscribe: () => {}, isHealthy: () => true },
    files,
    outbound: { fetchOk: async () => Promise.reject(new Error('not here')) },
    jobs: { send: async () => {}, define: () => {} },
    clients: {
      find: async () => ({ name: 'Shop', registered: false, metadata: {} }),
      async missing(clientIds) {
        const rows = await latchkey.app.database.sql<{ client_id: string }>('select client_id from client');
        return clientIds.filter((id) => !rows.some((row) => row.client_id === id));
      },
    },
  });
  return { files, brands };
}

describe('the brand of the instance', () => {
  test('is configured by settings: name, colours, corners, font, background, links', async () => {
    for (const [name, value] of Object.entries({
      name: 'Fernway',
      color: '#0a3fb5',
      accent: '#d4002a',
      radius: 'sharp',
      font: 'figtree',
      background: 'tint',
      helpUrl: 'https://fernway.example/help',
    }))
      await latchkey.run('settings.update', { name: `branding.${name}`, value });
    const page = await firstPage();
    expect(page.text).toContain('· Fernway</title>');
    expect(page.text).toContain('<a href="https://fernway.example/help">');
    const rules = await rulesOf(page);
    expect(rules).toContain('--brand: #0a3fb5; --brand-2: #d4002a');
    expect(rules).toContain('--r: 0px; --r-sheet: 0px');
    expect(rules).toContain('--sans: "Figtree"');
    const sheet = stylesheetsOf(page).find((href) => href.includes('/brand/')) ?? '';
    const font = /url\(([^)]*fonts\/figtree\.[^)]+)\)/.exec(rules)?.[1] ?? '';
    expect((await get(new URL(font, new URL(sheet, latchkey.base)).href)).headers.get('content-type')).toBe(
      'font/woff2',
    );
  });

  test.each([
    { name: 'color', value: 'red' },
    { name: 'font', value: 'comic' },
    { name: 'radius', value: '12px' },
    { name: 'background', value: 'url(https://evil.example)' },
    { name: 'helpUrl', value: 'javascript:alert(1)' },
  ])('refuses $name: $value', async ({ name, value }) => {
    await expect(latchkey.run('settings.update', { name: `branding.${name}`, value })).rejects.toThrow(
      'settings.invalid',
    );
  });

  test('has a logo, and one for dark pages, served from here under a name that changes with them', async () => {
    await upload('branding.logo.update', png('one'));
    const before = logoOf(await firstPage());
    await upload('branding.logo.update', png('two'));
    const page = await firstPage();
    expect(logoOf(page)).not.toBe(before);
    const answer = await get(logoOf(page));
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(png('two'));
    await upload('branding.logo.update', png('dark'), { dark: true });
    expect((await firstPage()).text).toMatch(
      /<picture><source srcset="\/assets\/brand\/logo-dark\.[\w-]{12}\.png" media="\(prefers-color-scheme: dark\)"><img src="\/assets\/brand\/logo\.[\w-]{12}\.png" alt=""><\/picture><span>Fernway<\/span>/,
    );
    await upload('branding.logo.update', null, { dark: true });
  });

  test('has the name in the logo if the operator says so', async () => {
    await latchkey.run('settings.update', { name: 'branding.wordmark', value: 'true' });
    expect((await firstPage()).text).toMatch(/<img class="plate" src="[^"]+" alt="Fernway"><\/span>/);
    await latchkey.run('settings.update', { name: 'branding.wordmark', value: 'false' });
  });

  test('can have an SVG logo in which nothing runs, also when it is opened directly', async () => {
    await upload('branding.logo.update', svg);
    const answer = await get(logoOf(await firstPage()));
    expect(answer.headers.get('content-type')).toBe('image/svg+xml');
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    );
    await upload('branding.logo.update', null);
    expect(logoOf(await firstPage())).toBe('');
  });

  test('can have custom rules, after all others, and refuses forbidden ones', async () => {
    await upload('branding.stylesheet.update', '.sheet { border-width: 2px; }');
    const page = await firstPage();
    const last = stylesheetsOf(page).at(-1) ?? '';
    expect(await (await get(last)).text()).toBe('.sheet{border-width:2px}\n');
    await expect(upload('branding.stylesheet.update', 'a{}\n@import "//evil.example";')).rejects.toThrow(
      'branding.stylesheet_refused Line 2 uses @import, which is not allowed.',
    );
    expect(stylesheetsOf(await firstPage())).toContain(last);
    await upload('branding.stylesheet.update', null);
    expect(stylesheetsOf(await firstPage())).not.toContain(last);
  });

  test('is recorded in the audit log when it changes', async () => {
    const events = await latchkey.app.database.sql(
      "select subject_type, subject_id from audit_record where type = 'brand.changed' order by at, id limit 1",
    );
    expect(events).toEqual([{ subject_type: 'setting', subject_id: 'branding' }]);
  });
});

describe('the brand of a client', () => {
  beforeAll(() =>
    latchkey.run('branding.clients.update', {
      client_id: client.client_id,
      name: 'Tally Works',
      color: '#17663f',
      radius: 'round',
    }),
  );

  test('is shown on the pages of its sign-ins only', async () => {
    const page = await firstPage();
    expect(page.text).toContain('· Tally Works</title>');
    const rules = await rulesOf(page);
    // A colour brings its bolt: the accent of the instance was chosen for another one.
    expect(rules).toContain('--brand: #17663f; --brand-2: #17663f');
    expect(rules).toContain('--r: 14px');
    expect(rules).toContain('--sans: "Figtree"');
    const elsewhere = await firstPage(other);
    expect(elsewhere.text).toContain('· Fernway</title>');
    expect(await rulesOf(elsewhere)).toContain('--brand: #0a3fb5');
    expect((await new Visitor().open(`${latchkey.base}/nothing`)).text).toContain('· Fernway</title>');
  });

  test('is shown on every page up to consent', async () => {
    const visitor = new Visitor();
    const password = await visitor.submit(await firstPage(client, visitor), { email: person.email });
    expect(password.text).toContain('· Tally Works</title>');
    const consent = await visitor.submit(password, { password: person.password });
    expect(consent.url).toMatch(/\/consent$/);
    expect(consent.text).toContain('· Tally Works</title>');
  });

  test('is shown on the sign-out page for the client', async () => {
    const visitor = new Visitor();
    await visitor.signIn(
      authorizeUrl(latchkey.base, client, { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' }),
      person,
    );
    const page = await visitor.open(`${latchkey.base}/oidc/logout?client_id=${client.client_id}`);
    expect(page.text).toContain('· Tally Works</title>');
  });

  test('has its own logo, which a node serves before it has shown its pages', async () => {
    await upload('branding.logo.update', png('tally'), { client_id: client.client_id });
    const logo = logoOf(await firstPage());
    const key = Buffer.from(client.client_id).toString('base64url');
    expect(logo).toMatch(new RegExp(`^/assets/brand/${key}/logo\\.[\\w-]{12}\\.png$`));
    const { files, brands } = await anotherNode();
    expect(() => files.url(`brand/${key}/logo.png`)).toThrow('no public file');
    await brands.prepare(logo);
    expect(files.url(`brand/${key}/logo.png`)).toBe(logo);
    expect((await get(logo)).status).toBe(200);
    expect(logoOf(await firstPage(other))).toBe('');
  });

  test.each([
    { change: { color: 'red' }, message: 'color must be a colour such as #0a3fb5' },
    { change: { name: '' }, message: 'name must' },
    { change: { stylesheet: 'a{}' }, message: 'stylesheet is not a member here' },
  ])('refuses $change', async ({ change, message }) => {
    const refused = latchkey.run('branding.clients.update', { client_id: client.client_id, ...change });
    await expect(refused).rejects.toThrow('input.invalid');
    await expect(refused).rejects.toThrow(message);
  });

  test('exists only for existing clients', async () => {
    await expect(latchkey.run('branding.clients.update', { client_id: 'nobody', color: '#000000' })).rejects.toThrow(
      'branding.client_unknown',
    );
  });

  test.each(['AAAA', Buffer.from('no\0body').toString('base64url'), '-', 'A'.repeat(4000)])(
    'is not found under a made-up name: %s',
    async (key) => {
      expect((await get(`/assets/brand/${key}/brand.AAAAAAAAAAAA.css`)).status).toBe(404);
    },
  );

  test('is deleted with its client, and no other', async () => {
    const gone = await latchkey.client({ name: 'Gone' });
    await latchkey.run('branding.clients.update', { client_id: gone.client_id, color: '#000000' });
    const { brands } = await anotherNode();
    expect(await brands.purge(100)).toBe(0);
    await latchkey.run('clients.delete', { client_id: gone.client_id });
    expect(await brands.purge(100)).toBe(1);
  });

  test('can be reset member by member', async () => {
    const left = await latchkey.run('branding.clients.update', {
      client_id: client.client_id,
      name: null,
      color: null,
      radius: null,
    });
    expect(left).toEqual({});
    const page = await firstPage();
    expect(page.text).toContain('· Fernway</title>');
    expect(await rulesOf(page)).toContain('--brand: #0a3fb5');
  });
});

describe('the preview', () => {
  const visitor = new Visitor();
  const preview = '/branding/preview';

  test('is for administrators only', async () => {
    const nobody = await new Visitor().open(`${latchkey.base}${preview}`);
    expect(nobody.url).toMatch(/\/interaction\//);
    const someone = new Visitor();
    const refused = await enter(someone, person);
    expect(refused.status).toBe(403);
    for (const path of [`${preview}/frame?view=sign-in/login/password&sample=plain`, `${preview}/brand.css?name=x`])
      expect((await someone.request(`${latchkey.base}${path}`)).status).toBe(403);
  });

  test('shows the pages of a slice with every sample in frames, and nothing else can be framed', async () => {
    const page = await enter(visitor, administrator);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("frame-src 'self'");
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.text).toMatch(
      /<iframe src="[^"]*view=sign-in%2Flogin%2Fpassword[^"]*" title="sign-in\/login\/password, wrong"/,
    );
  });

  test('shows a page in the proposed brand, without scripts and without forms that can be sent', async () => {
    const proposal = 'name=Halden&color=%23ffc914&radius=round&font=literata&background=tint&language=de&theme=dark';
    const frame = await visitor.request(
      `${latchkey.base}${preview}/frame?view=sign-in/login/password&sample=wrong&${proposal}`,
    );
    expect(frame.status).toBe(200);
    expect(frame.text).toContain('aria-invalid="true"');
    expect(frame.text).not.toContain(' autofocus');
    const policy = frame.headers.get('content-security-policy');
    for (const rule of ["frame-ancestors 'self'", "script-src 'none'", "form-action 'none'"])
      expect(policy).toContain(rule);
    expect(frame.text).toContain('<html lang="de" dir="ltr" data-theme="dark">');
    expect(frame.text).toContain('· Halden</title>');
    const derived = stylesheetsOf(frame).find((href) => href.startsWith(preview))!;
    const sheet = await visitor.request(new URL(derived.replaceAll('&amp;', '&'), latchkey.base).href);
    expect(sheet.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(sheet.text).toContain('--brand: #ffc914');
    expect(sheet.text).toContain('--sans: "Literata"');
    // Nothing of it is kept.
    expect((await firstPage()).text).toContain('· Fernway</title>');
  });

  test('reports a wrong value, and shows the pages without it', async () => {
    const page = await visitor.request(`${latchkey.base}${preview}?name=Halden&color=red%7D&slice=sign-in%2Fconsent`);
    expect(page.text).toContain('<title>Error: ');
    expect(page.text).toMatch(/<input[^>]* id="color"[^>]* aria-invalid="true"[^>]* aria-describedby="color-error"/);
    expect(page.text).toContain('id="color-error"');
    // One error stands at its field alone.
    expect(page.text).not.toContain('href="#color"');
    expect(page.text).toContain('title="sign-in/consent/consent, plain"');
    const sheet = await visitor.request(`${latchkey.base}${preview}/brand.css?name=Halden&color=red%7D`);
    expect(sheet.text).toContain('--brand: #0a3fb5');
  });

  test.each([
    'view=../../etc/passwd&sample=plain',
    'view=sign-in/login/password&sample=constructor',
    'view=sign-in/login/password',
    '',
  ])('has no page for %j', async (query) => {
    expect((await visitor.request(`${latchkey.base}${preview}/frame?${query}`)).status).toBe(404);
  });

  async function enter(as: Visitor, { email, password }: TestUser): Promise<Page> {
    const identifier = await as.open(`${latchkey.base}${preview}`);
    return as.submit(await as.submit(identifier, { email }), { password });
  }
});

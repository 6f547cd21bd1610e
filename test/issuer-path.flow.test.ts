/**
 * An issuer with a path, and aliases of its host: everything that the product shows, sets, sends or answers is below the path. One
 * application; every answer that a visitor of these tests gets is searched for URLs.
 */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callApi, clientTokens, machineWith } from './support/api.ts';
import { prove } from './support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from './support/app.ts';
import {
  createCheck,
  demandedPassword,
  emailStep,
  enrolment,
  firstPassword,
  mailedPassword,
  newCodes,
  offeredPasskey,
  profileStep,
  type Reach,
  secondFactor,
  setup,
  waitlist,
} from './support/form-pages.ts';
import { type Mails, openMails } from './support/mails.ts';
import { proofFor, proofKey } from './support/proof.ts';
import { freshEmail, newcomerHeaders, ownNetworks } from './support/registration.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, tokensFor, unescaped, Visitor } from './support/visitor.ts';

const PATH = '/id';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

let mails: Mails;
let latchkey: TestApp;
let web: TestClient;
let user: TestUser;
/** The issuer without its path, and the alias: the same listener by another name. */
let origin: string;
let alias: string;
beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({
    env: (port) => ({
      ISSUER: `http://localhost:${port}${PATH}`,
      ISSUER_ALIASES: `http://127.0.0.1:${port}`,
      ...mails.env,
      ...ownNetworks,
    }),
    settings: {
      'oidc.registration': 'open',
      'registration.mode': 'open',
      'passkeys.relatedOrigins': ['https://other.example'],
    },
  });
  origin = latchkey.config.issuerUrl.origin;
  alias = latchkey.config.issuerAliases[0]!;
  web = await latchkey.client({ post_logout_redirect_uris: ['http://127.0.0.1:9/out'] });
  user = await latchkey.user();
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

/** The texts of a document that can be addresses: of a page each attribute, of JSON each value. */
function addressesIn(type: string, text: string): string[] {
  if (type.includes('html')) return [...text.matchAll(/\s[\w-]+="([^"]*)"/g)].map(([, value = '']) => unescaped(value));
  if (type.includes('json')) return valuesOf(JSON.parse(text));
  if (type.includes('css')) return [...text.matchAll(/url\(["']?([^)"']+)/g)].map(([, value = '']) => value);
  if (type.includes('javascript'))
    return [...text.matchAll(/(?:from|import|import\(|fetch\()\s*["'`]([^"'`]+)/g)].map(([, value = '']) => value);
  return [...text.matchAll(/https?:\/\/[^\s"<>]+/g)].map(([value]) => value);
}

const valuesOf = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(valuesOf)
      : [];

/** The addresses of this host in what stands at `base`, whole. */
function ownAddresses(base: string, type: string, text: string): URL[] {
  const isFile = /css|javascript/.test(type);
  return addressesIn(type, text)
    .filter((address) => isFile || /^(\/|\?|https?:)/.test(address))
    .flatMap((address) => URL.parse(address, base) ?? [])
    .filter((url) => url.origin === origin || url.origin === alias);
}

const isBelow = ({ origin: host, pathname }: URL): boolean =>
  host === origin && (pathname === PATH || pathname.startsWith(`${PATH}/`));

/** A visitor who notes each address, redirect and cookie that leads out of the path. */
class Watcher extends Visitor {
  readonly outside: string[] = [];
  readonly found = new Set<string>();

  override async request(url: string, options?: Parameters<Visitor['request']>[1]): Promise<Page> {
    const page = await super.request(url, options);
    const type = page.headers.get('content-type') ?? '';
    const addresses = [
      ...(page.location === null ? [] : [new URL(page.location)].filter((to) => to.origin === origin)),
      ...ownAddresses(url, type, page.text),
    ];
    for (const address of addresses) {
      if (isBelow(address)) this.found.add(address.href.replace(/#.*$/, ''));
      else this.outside.push(`${address.href} at ${url}`);
    }
    for (const line of page.headers.getSetCookie()) {
      const path = /;\s*path=([^;]*)/i.exec(line)?.[1] ?? '';
      if (!/^latchkey-[0-9a-f]{8}-/.test(line)) this.outside.push(`cookie ${line} at ${url}`);
      if (path !== '/' && !path.startsWith(`${PATH}/`)) this.outside.push(`cookie ${line} at ${url}`);
    }
    return page;
  }

  /** Opens what it found and what it finds there, but not what ends the session, a file to keep, or the same page in another language. */
  async crawl(): Promise<readonly string[]> {
    const opened = new Set<string>();
    for (let next = this.#next(opened); next !== undefined; next = this.#next(opened)) {
      opened.add(next);
      const page = await this.request(next);
      expect(page.status, next).toBeLessThan(500);
    }
    return [...opened];
  }

  #next(opened: ReadonlySet<string>): string | undefined {
    return [...this.found].find((url) => !opened.has(url) && !/ui_locales=|\/oidc\/(?!device)|\.woff2$/.test(url));
  }
}

const signInUrl = (extra: Record<string, string> = {}): string =>
  authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge, ...extra });

async function signedIn(): Promise<Watcher> {
  const watcher = new Watcher();
  await watcher.signIn(signInUrl(), user);
  return watcher;
}

describe('the crawl finds no address outside of the path', () => {
  test('from discovery, the document of the API and the first page, without a session', async () => {
    const watcher = new Watcher();
    for (const path of ['/.well-known/openid-configuration', '/api/openapi.json', '/', '/oidc/device', '/nothing'])
      await watcher.request(`${latchkey.base}${path}`);
    await watcher.open(signInUrl());
    await watcher.open(`${latchkey.base}/account`);
    const opened = await watcher.crawl();
    expect(watcher.outside).toEqual([]);
    expect(opened.filter((url) => url.includes('/assets/')).length).toBeGreaterThan(3);
    for (const part of ['/interaction/', '/create', '/passkey/options', '/oidc/device', '/account'])
      expect(
        opened.some((url) => url.includes(part)),
        part,
      ).toBe(true);
  });

  test('from the account page, with a session', async () => {
    const watcher = await signedIn();
    await watcher.open(`${latchkey.base}/account`);
    const opened = await watcher.crawl();
    expect(watcher.outside).toEqual([]);
    for (const page of ['security', 'devices', 'apps', 'activity', 'data', 'emails', 'profile'])
      expect(opened).toContain(`${latchkey.base}/account/${page}`);
  });

  test.skipIf(process.env['TEST_DATABASE_URL'])('from the demo, which signs in and out', async () => {
    const watcher = new Watcher();
    const start = await watcher.open(`${latchkey.base}/demo`);
    const back = await watcher.open(
      new URL(/href="([^"]*\/demo\/sign-in)"/.exec(start.text)?.[1] ?? '', start.url).href,
    );
    let page = await watcher.submit(back, { email: user.email });
    page = await watcher.submit(page, { password: user.password });
    if (formsOf(page).some(({ buttons }) => buttons.some(({ value }) => value === 'allow')))
      page = await watcher.submit(page, {}, 'allow');
    expect(page.url).toBe(`${latchkey.base}/demo`);
    expect(page.text).toContain(user.email);
    expect(watcher.outside).toEqual([]);
  });
});

describe('every page with a form is reached below the path', () => {
  const pages: Readonly<Record<string, Reach>> = {
    emailStep,
    profileStep,
    secondFactor,
    app: enrolment('totp'),
    key: enrolment('passkey'),
    newCodes,
    offeredPasskey,
    demandedPassword,
    mailedPassword,
    createCheck,
    firstPassword,
    waitlist,
    setup,
    'an invitation': async (visitor) => {
      const email = freshEmail();
      await latchkey.run('invitations.create', { email });
      return visitor.open((await mails.next(email, /invitation/i)).link);
    },
  };
  const changed = new Set<string>();
  const set = async (name: string, value: unknown): Promise<void> => {
    await latchkey.run('settings.update', { name, value: JSON.stringify(value) });
    changed.add(name);
  };
  afterEach(async () => {
    for (const name of changed) await set(name, name === 'registration.mode' ? 'open' : null);
    changed.clear();
  });

  test.each(Object.entries(pages))('%s', async (_name, reach) => {
    const watcher = new Watcher(newcomerHeaders());
    const person = await latchkey.user({ email_verified: true });
    const page = await reach(watcher, { latchkey, mails, client: web, user: person, set });
    expect([page.status, formsOf(page).length > 0, watcher.outside]).toEqual([200, true, []]);
  });

  test('the preview of the brand, its frames and its stylesheet', async () => {
    const watcher = new Watcher();
    const administrator = await latchkey.user({ administrator: true });
    const page = await prove(watcher, await watcher.open(`${latchkey.base}/branding/preview`), administrator);
    expect(page.url).toBe(`${latchkey.base}/branding/preview`);
    const found = (part: string) => [...watcher.found].find((url) => url.includes(part)) ?? '';
    for (const part of ['/branding/preview/frame', '/branding/preview/brand.css'])
      expect((await watcher.request(found(part))).status, part).toBe(200);
    const css = `${latchkey.base}/branding/preview/brand.css?name=x&font=literata`;
    expect((await watcher.request(css)).text).toContain('@font-face');
    for (const font of [...watcher.found].filter((url) => url.endsWith('.woff2')))
      expect((await fetch(font)).status, font).toBe(200);
    expect([[...watcher.found].filter((url) => url.includes('literata')).length > 0, watcher.outside]).toEqual([
      true,
      [],
    ]);
  });
});

describe('flows', () => {
  test('a sign-in, its tokens and the sign-out name the issuer, and return where they should', async () => {
    const watcher = new Watcher();
    const { verifier, challenge } = pkce();
    const back = await watcher.signIn(signInUrl({ code_challenge: challenge, scope: 'openid email' }), user);
    // RFC 9207 §2.
    expect(back.get('iss')).toBe(latchkey.base);
    const { body: tokens } = await post(`${latchkey.base}/oidc/token`, web, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: web.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    const keys = createRemoteJWKSet(new URL(`${latchkey.base}/oidc/jwks`));
    const { payload } = await jwtVerify(tokens.id_token, keys, { issuer: latchkey.base, audience: web.client_id });
    expect(payload.sub).toBe(user.id);
    const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await userinfo.json()).toMatchObject({ sub: user.id, email: user.email });

    const query = { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'http://127.0.0.1:9/out' };
    const page = await watcher.open(`${latchkey.base}/oidc/logout?${new URLSearchParams(query).toString()}`);
    expect((await watcher.submit(page, {}, 'logout')).location).toBe('http://127.0.0.1:9/out');
    const out = await watcher.open(`${latchkey.base}/oidc/logout`);
    expect(out.url).toBe(`${latchkey.base}/oidc/logout/success`);
    expect(watcher.outside).toEqual([]);
  });

  test('the account: a form that is refused shows why, and one that is taken leads back', async () => {
    const watcher = await signedIn();
    const page = await watcher.open(`${latchkey.base}/account/profile`);
    const saved = await watcher.submit(page, { name: 'Noor Haddad' });
    expect(saved.url).toMatch(new RegExp(`^${latchkey.base}/account`));
    const emails = await watcher.open(`${latchkey.base}/account/emails`);
    const add = formsOf(emails).find(({ fields }) => 'email' in fields)!;
    const refused = await watcher.open(add.action, { ...add.fields, email: 'no address' });
    expect(refused.url).toBe(`${latchkey.base}/account/emails`);
    expect(refused.text).toContain('id="email-error"');
    expect(watcher.outside).toEqual([]);
  });

  test('the device flow: both addresses, the page of the code, and the tokens (RFC 8628)', async () => {
    const tv = await latchkey.client({ name: 'TV', type: 'native', redirect_uris: [], grant_types: [DEVICE] });
    const { body } = await post(`${latchkey.base}/oidc/device/auth`, tv, { scope: 'openid' });
    expect(body['verification_uri']).toBe(`${latchkey.base}/device`);
    const watcher = await signedIn();
    let page = await watcher.open(String(body['verification_uri_complete']));
    for (let pages = 0; pages < 4 && formsOf(page).length > 0; pages += 1) {
      const action = ['confirm', 'allow', 'continue'].find((value) =>
        formsOf(page).some(({ buttons }) => buttons.some((button) => button.value === value)),
      );
      page = await watcher.submit(page, {}, action);
    }
    const polled = await post(`${latchkey.base}/oidc/token`, tv, {
      grant_type: DEVICE,
      device_code: String(body['device_code']),
    });
    expect([polled.status, watcher.outside]).toEqual([200, []]);
  });

  test('a link by mail signs in, and every address in mails is below the path', async () => {
    const person = await latchkey.user({ email_verified: true, password: undefined });
    const forgetful = await latchkey.user({ email_verified: true });
    const watcher = new Watcher();
    const asked = await watcher.submit(await watcher.open(signInUrl()), { email: person.email });
    await watcher.open(asked.url.replace(/\/[^/]+$/, '/email-code'));
    const mail = await mails.next(person.email);
    expect(mail.link).toMatch(new RegExp(`^${latchkey.base}/interaction/[^/]+/email-link/`));
    let page = await watcher.open(mail.link);
    for (let pages = 0; pages < 4 && page.location === null; pages += 1) page = await watcher.submit(page);
    expect(new URL(page.location ?? '').searchParams.has('code')).toBe(true);

    const forgot = await watcher.open(`${latchkey.base}/recovery`);
    await watcher.submit(forgot, { email: forgetful.email });
    const reset = await mails.next(forgetful.email);
    const link = await watcher.open(reset.link);
    expect([link.status, 'password' in formsOf(link)[0]!.fields]).toEqual([200, true]);
    for (const { text, html } of await mails.all())
      for (const [type, part] of [
        ['text', text],
        ['html', html],
      ] as const)
        for (const url of ownAddresses(latchkey.base, type, part)) expect(isBelow(url), url.href).toBe(true);
    expect(watcher.outside).toEqual([]);
  });

  test('the management API: its document and its door', async () => {
    const document = (await (await fetch(`${latchkey.base}/api/openapi.json`)).json()) as Record<string, unknown>;
    expect(document['servers']).toEqual([{ url: latchkey.base }]);
    const robot = await machineWith(latchkey, 'users.read');
    const { access_token: token } = await clientTokens(latchkey, robot, { scope: 'users.read' });
    expect((await callApi(latchkey, `/v1/users/${user.id}`, { token })).body).toMatchObject({ email: user.email });
  });

  test('a registered client is told where it is managed (RFC 7592)', async () => {
    const answer = await fetch(`${latchkey.base}/oidc/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'] }),
    });
    const client = (await answer.json()) as Record<string, string>;
    expect(client['registration_client_uri']).toBe(`${latchkey.base}/oidc/register/${client['client_id']}`);
  });
});

describe('discovery', () => {
  const documents = [
    '/id/.well-known/openid-configuration',
    '/id/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/id',
    '/.well-known/openid-configuration/id',
  ];
  test.each(documents)('%s names the issuer (Discovery 1.0 §4, RFC 8414 §3.1)', async (path) => {
    for (const host of [origin, alias]) {
      const answer = await fetch(`${host}${path}`);
      const metadata = (await answer.json()) as Record<string, unknown>;
      expect(metadata['issuer']).toBe(latchkey.base);
      expect(metadata['token_endpoint']).toBe(`${latchkey.base}/oidc/token`);
      for (const [member, url] of Object.entries(metadata))
        if (/_(endpoint|uri)$/.test(member)) expect(String(url), member).toContain(`${latchkey.base}/`);
    }
  });

  test('the root of the host answers for no issuer, but for what browsers ask of a host', async () => {
    const statuses: Record<string, number> = {};
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/.well-known/webauthn',
      '/id/.well-known/webauthn',
      '/.well-known/webauthn/id',
    ])
      statuses[path] = (await fetch(`${origin}${path}`)).status;
    expect(statuses).toEqual({
      '/.well-known/openid-configuration': 404,
      '/.well-known/oauth-authorization-server': 404,
      '/.well-known/webauthn': 200,
      '/id/.well-known/webauthn': 200,
      '/.well-known/webauthn/id': 404,
    });
  });
});

describe('an alias', () => {
  const toAlias = (url: string): string => url.replace(origin, alias);

  test.each(['/', '/account', '/oidc/auth?client_id=x&state=%2F', '/oidc/device?user_code=BCDF-GHJK', '/recovery'])(
    'sends who asks for %s to the issuer, where cookies and passkeys are',
    async (path) => {
      const answer = await fetch(`${alias}${PATH}${path}`, { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, `${latchkey.base}${path}`]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    },
  );

  test('takes an authorization request by POST to the issuer too', async () => {
    const [url, query = ''] = toAlias(signInUrl()).split('?');
    const watcher = new Watcher();
    const first = await watcher.request(url!, { form: Object.fromEntries(new URLSearchParams(query)) });
    const second = await watcher.request(first.location ?? '');
    expect([first.status, second.status]).toEqual([303, 303]);
    expect(second.location).toBe(signInUrl().split('?')[0] + second.location!.slice(second.location!.indexOf('?')));
  });

  test('takes no form of a page: none of ours stands there', async () => {
    const watcher = new Watcher();
    const page = await watcher.open(signInUrl());
    const [form] = formsOf(page);
    const answer = await watcher.request(toAlias(form!.action), { form: { ...form!.fields, email: user.email } });
    expect(answer.status).toBe(403);
  });

  test('is called where its proof says, and at no other of our names (RFC 9449 §4.3)', async () => {
    const [caller, key] = [await machineWith(latchkey, 'users.read'), await proofKey()];
    const ask = async (at: string, named: string) => {
      const dpop = await proofFor(key, 'POST', `${named}${PATH}/oidc/token`);
      return clientTokens({ ...latchkey, base: `${at}${PATH}` }, caller, { scope: 'users.read' }, { dpop });
    };
    expect(await ask(alias, origin)).toMatchObject({ error: 'invalid_dpop_proof' });
    expect(await ask(origin, alias)).toMatchObject({ error: 'invalid_dpop_proof' });
    const { access_token: token, token_type: type } = await ask(alias, alias);
    expect(type).toBe('DPoP');
    for (const at of [origin, alias]) {
      const address = `${at}${PATH}/api/v1/users/${user.id}`;
      const dpop = await proofFor(key, 'GET', address, {}, token);
      const answer = await fetch(address, { headers: { authorization: `DPoP ${token}`, dpop } });
      expect([at, answer.status]).toEqual([at, 200]);
    }
  });

  test('answers programs: with the tokens of the one issuer', async () => {
    const tokens = await tokensFor(latchkey.base, web, user, { scope: 'openid email' });
    const userinfo = await fetch(`${alias}${PATH}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await userinfo.json()).toMatchObject({ sub: user.id });
    const { body } = await post(`${alias}${PATH}/oidc/introspect`, web, { token: tokens.access_token });
    expect(body).toMatchObject({ active: true, iss: latchkey.base });
  });
});

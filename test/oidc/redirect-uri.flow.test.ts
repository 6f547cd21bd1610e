import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../support/app.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../support/visitor.ts';

let latchkey: TestApp;
let web: TestClient;
let native: TestClient;

const registered = 'https://rp.example/cb';
const evil = 'https://evil.example/cb';
const { challenge } = pkce();

beforeAll(async () => {
  latchkey = await startTestApp();
  web = await latchkey.client({ redirect_uris: [registered, 'https://rp.example/other?tenant=1'] });
  native = await latchkey.client({
    type: 'native',
    redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb', 'com.example.app:/cb'],
  });
});
afterAll(() => latchkey.close());

const ask = (client: TestClient, extra: Record<string, string | undefined>): Promise<Page> =>
  new Visitor().request(authorizeUrl(latchkey.base, client, { code_challenge: challenge, ...extra }));
const words = (page: Page): string => page.text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

function expectPageAboutTheAddress(page: Page): void {
  expect(page.location).toBeNull();
  expect(page.status).toBe(400);
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  expect(words(page)).toMatch(/redirect URI|redirect_uri/i);
}

describe('redirect_uri is compared as a string (RFC 9700 §2.1, OpenID Connect Core §3.1.2.1)', () => {
  test.each([registered, 'https://rp.example/other?tenant=1'])(
    '%s, registered exactly so, continues to the sign-in',
    async (redirect_uri) => {
      const page = await ask(web, { redirect_uri });
      expect(page.location).toMatch(new RegExp(`^${latchkey.base}/interaction/`));
    },
  );

  test.each([
    `${registered}/`,
    `${registered}?`,
    `${registered}?x=1`,
    `${registered}?code=x`,
    `${registered}#`,
    `${registered}#code=x`,
    `${registered}%2f..`,
    `${registered}/../evil`,
    `${registered}/..;/evil`,
    `${registered}/%2e%2e/evil`,
    `${registered}%20`,
    `${registered}%0d%0aLocation:%20${evil}`,
    `${registered}%23`,
    `${registered}\t`,
    ` ${registered}`,
    `${registered} `,
    `${registered}\n`,
    `${registered},${evil}`,
    `${registered} ${evil}`,
    'https://RP.example/cb',
    'HTTPS://rp.example/cb',
    'https://rp.example/CB',
    'https://rp.example/%63b',
    'https://rp.example:443/cb',
    'https://rp.example:8443/cb',
    'https://rp.example./cb',
    'https://rp.example//cb',
    'https://rp.example/x/../cb',
    'https://rp.example@evil.example/cb',
    'https://rp.example:pw@evil.example/cb',
    'https://rp.example%40evil.example/cb',
    'https://evil.example/cb?https://rp.example/cb',
    'https://evil.example#@rp.example/cb',
    'https://rp.example%2eevil.example/cb',
    'https://rp.example.evil.example/cb',
    'https://evil.example\\@rp.example/cb',
    'https://rp.example\\@evil.example/cb',
    'https:rp.example/cb',
    'https:///rp.example/cb',
    'https:\\\\rp.example\\cb',
    'http://rp.example/cb',
    '//rp.example/cb',
    '/cb',
    'cb',
    'rp.example/cb',
    '*',
    'https://*/cb',
    'https://rp.exаmple/cb',
    'https://xn--rp-exmple-x2a.example/cb',
    'https://rp。example/cb',
    'https://rp.example/other',
    'https://rp.example/other?tenant=2',
    'https://rp.example/other?tenant=1&x=1',
    'https://rp.example/other?tenant=1&tenant=1',
    'javascript:alert(1)//https://rp.example/cb',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'urn:ietf:wg:oauth:2.0:oob',
    'about:blank',
    'null',
    evil,
  ])('%j causes no redirect', async (redirect_uri) => {
    expectPageAboutTheAddress(await ask(web, { redirect_uri }));
  });

  test('a missing one is not replaced by the only registered one (FAPI 2.0, RFC 9700 §4.1.3)', async () => {
    const single = await latchkey.client({ redirect_uris: [registered] });
    for (const redirect_uri of [undefined, '']) expectPageAboutTheAddress(await ask(single, { redirect_uri }));
  });

  test('a duplicate one causes no redirect, whichever of them is right', async () => {
    for (const pair of [
      [registered, evil],
      [evil, registered],
      [registered, registered],
    ]) {
      const url = new URL(authorizeUrl(latchkey.base, web, { code_challenge: challenge, redirect_uri: undefined }));
      for (const redirect_uri of pair) url.searchParams.append('redirect_uri', redirect_uri);
      expectPageAboutTheAddress(await new Visitor().request(url.href));
    }
  });

  test.each(['redirect_uri[]', 'redirect_uri[0]', 'Redirect_Uri', 'redirect_uri.'])(
    '%s is not a redirect_uri',
    async (name) => {
      expectPageAboutTheAddress(await ask(web, { redirect_uri: undefined, [name]: registered }));
    },
  );

  test('a page shows a bad address as text', async () => {
    const page = await ask(web, { redirect_uri: 'https://evil.example/"><script>alert(1)</script>' });
    expectPageAboutTheAddress(page);
    expect(page.text).not.toContain('<script>alert(1)');
    expect(page.text).not.toMatch(/(href|action|src)="(https?:)?\/\/evil\.example/);
  });
});

describe('a native app (RFC 8252 §7)', () => {
  test.each([
    'http://127.0.0.1/cb',
    'http://127.0.0.1:5555/cb',
    'http://127.0.0.1:49152/cb',
    'http://127.0.0.1:1/cb',
    'http://127.0.0.1:65535/cb',
    'http://[::1]/cb',
    'http://[::1]:5555/cb',
    'com.example.app:/cb',
  ])('%s: the port of a loopback address is free', async (redirect_uri) => {
    expect((await ask(native, { redirect_uri })).location).toMatch(/\/interaction\//);
  });

  test.each([
    'http://localhost:5555/cb',
    'http://localhost/cb',
    'http://127.0.0.1:5555/other',
    'http://127.0.0.1:5555/cb/',
    'http://127.0.0.1:5555/cb?x=1',
    'https://127.0.0.1:5555/cb',
    'http://127.0.0.1:80@evil.example/cb',
    'http://127.0.0.1:x@evil.example/cb',
    'http://127.1/cb',
    'http://2130706433/cb',
    'http://0x7f.1/cb',
    'http://127.0.0.1.evil.example:5555/cb',
    'http://127.0.0.2:5555/cb',
    'http://0.0.0.0:5555/cb',
    'http://[::ffff:127.0.0.1]:5555/cb',
    'http://[0:0:0:0:0:0:0:1]:5555/cb',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:00/cb',
    'http://127.0.0.1:05555/cb',
    'http://127.0.0.1:000/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:+5555/cb',
    'http://127.0.0.1:-1/cb',
    'http://127.0.0.1:5e3/cb',
    'http://127.0.0.1:0x15b3/cb',
    'http://127.0.0.1: 5555/cb',
    'http://127.0.0.1:5555 /cb',
    'http://127.0.0.1:%35555/cb',
    'http://127.0.0.1:5555:6666/cb',
    'http://127.0.0.1:\u0665555/cb',
    'http://127.0.0.1.:5555/cb',
    'http://127.0.0.01:5555/cb',
    'http://0127.0.0.1:5555/cb',
    'http://127.0.0.1%2e:5555/cb',
    'http://\uff11\uff12\uff17.0.0.1:5555/cb',
    'HTTP://127.0.0.1:5555/cb',
    'http:127.0.0.1:5555/cb',
    'http:///127.0.0.1:5555/cb',
    'http://127.0.0.1:5555/CB',
    'http://127.0.0.1:5555/%63b',
    'http://127.0.0.1:5555//cb',
    'http://127.0.0.1:5555/x/../cb',
    'http://127.0.0.1:5555/./cb',
    'http://127.0.0.1:5555\\cb',
    'http://127.0.0.1:5555/cb#',
    'http://127.0.0.1:5555/cb#x',
    'http://127.0.0.1:5555/cb?',
    'http://127.0.0.1:5555',
    'http://[::1]:0/cb',
    'http://[::1]:05555/cb',
    'http://[::1]:/cb',
    'http://[::01]:5555/cb',
    'http://[::1%25lo]:5555/cb',
    'http://[::1].:5555/cb',
    'http://[::1]5555/cb',
    'http://::1:5555/cb',
    'http://127.0.0.1:5555\\@evil.example/cb',
    'http://user@127.0.0.1:5555/cb',
    'com.example.app://cb',
    'com.example.app:/cb/',
    'com.example.other:/cb',
  ])('%s causes no redirect', async (redirect_uri) => {
    expectPageAboutTheAddress(await ask(native, { redirect_uri }));
  });

  test('an address that is registered with a port matches every port too', async () => {
    const fixed = await latchkey.client({ type: 'native', redirect_uris: ['http://127.0.0.1:7777/cb?a=1'] });
    for (const good of ['http://127.0.0.1:7777/cb?a=1', 'http://127.0.0.1:7778/cb?a=1', 'http://127.0.0.1/cb?a=1'])
      expect((await ask(fixed, { redirect_uri: good })).location, good).toMatch(/\/interaction\//);
    for (const bad of ['http://127.0.0.1:7777/cb', 'http://127.0.0.1:0/cb?a=1', 'http://[::1]:7777/cb?a=1'])
      expectPageAboutTheAddress(await ask(fixed, { redirect_uri: bad }));
  });

  test.each([
    'http://127.0.0.1:0/bye',
    'http://127.0.0.1:05555/bye',
    'http://127.0.0.1:/bye',
    'http://127.0.0.1/other',
  ])('after a sign-out %s causes no redirect', async (uri) => {
    const app = await latchkey.client({
      type: 'native',
      redirect_uris: ['http://127.0.0.1/cb'],
      post_logout_redirect_uris: ['http://127.0.0.1/bye'],
    });
    const leave = (address: string) =>
      new Visitor().request(
        `${latchkey.base}/oidc/logout?${new URLSearchParams({ client_id: app.client_id, post_logout_redirect_uri: address }).toString()}`,
      );
    expect((await leave('http://127.0.0.1:5555/bye')).location).toBe('http://127.0.0.1:5555/bye');
    expect((await leave(uri)).location).toBe(`${latchkey.base}/oidc/logout/success`);
  });

  test('the port of http://localhost is free as well, and it is no other name of 127.0.0.1', async () => {
    const tool = await latchkey.client({ type: 'native', redirect_uris: ['http://localhost/cb?a=1'] });
    for (const good of ['http://localhost/cb?a=1', 'http://localhost:1/cb?a=1', 'http://localhost:65535/cb?a=1'])
      expect((await ask(tool, { redirect_uri: good })).location, good).toMatch(/\/interaction\//);
    const bad = [
      '//127.0.0.1:1/cb?a=1',
      '//localhost:1/cb',
      '//localhost:1/cb?a=2',
      '//localhost:0/cb?a=1',
      '//localhost:01/cb?a=1',
    ];
    const odd = [
      '//LOCALHOST:1/cb?a=1',
      '//localhost.:1/cb?a=1',
      '//a.localhost:1/cb?a=1',
      '//localhost:1@evil.example/cb?a=1',
    ];
    for (const uri of [...bad, ...odd, '//localhost.evil.example:1/cb?a=1', '//localhost:65536/cb?a=1'])
      expectPageAboutTheAddress(await ask(tool, { redirect_uri: `http:${uri}` }));
  });

  test('a scheme without a dot is for the apps that the operator allows it, compared exactly', async () => {
    const redirect_uris = ['oc://android.owncloud.com', 'com.example.app:/cb'];
    const create = () => latchkey.client({ type: 'native', redirect_uris });
    await expect(create()).rejects.toThrow('oidc.nativeSchemes');
    await latchkey.run('settings.update', { name: 'oidc.nativeSchemes', value: '["oc"]' });
    const app = await create();
    await latchkey.run('settings.update', { name: 'oidc.nativeSchemes', value: 'null' });
    expect((await ask(app, { redirect_uri: redirect_uris[0] })).location).toMatch(/\/interaction\//);
    for (const uri of [
      'oc://android.owncloud.com/',
      'oc://evil',
      'OC://android.owncloud.com',
      'oc:android.owncloud.com',
    ])
      expectPageAboutTheAddress(await ask(app, { redirect_uri: uri }));
    // The client keeps what it has; another one cannot get it any more.
    await latchkey.run('clients.update', { client_id: app.client_id, name: 'Files' });
    await expect(create()).rejects.toThrow('oidc.nativeSchemes');
  });

  test('a port is free for native apps only', async () => {
    const local = await latchkey.client({ redirect_uris: ['http://127.0.0.1:9/cb'] });
    expectPageAboutTheAddress(await ask(local, { redirect_uri: 'http://127.0.0.1:10/cb' }));
  });
});

/** Each is wrong by itself, and would be told to the relying party by a redirect if the address were right. */
const mistakes: Record<string, Record<string, string | undefined>> = {
  'response_type=token': { response_type: 'token' },
  'no response_type': { response_type: undefined },
  'unknown response_type': { response_type: 'teapot' },
  'unknown response_mode': { response_mode: 'teapot' },
  web_message: { response_mode: 'web_message', response_type: 'token' },
  form_post: { response_mode: 'form_post', response_type: 'token' },
  'signed response': { response_mode: 'jwt', response_type: 'token' },
  'unknown scope character': { scope: 'openid "' },
  'prompt=none': { prompt: 'none' },
  'unknown prompt': { prompt: 'dance' },
  'prompt=none login': { prompt: 'none login' },
  'bad max_age': { max_age: '-1' },
  'missing PKCE': { code_challenge: undefined, code_challenge_method: undefined },
  'plain PKCE': { code_challenge_method: 'plain' },
  'bad claims': { claims: '{' },
  'bad id_token_hint': { id_token_hint: 'x.y.z' },
  'request object without a signature': {
    request: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ redirect_uri: evil, client_id: 'x' })).toString('base64url')}.`,
  },
  'garbled request object': { request: 'x' },
  'request_uri to the web': { request_uri: 'https://evil.example/request.jwt' },
  'unknown request_uri': { request_uri: 'urn:ietf:params:oauth:request_uri:nothing' },
  'registration parameter': { registration: '{}' },
  'unknown resource': { resource: 'https://unknown.example' },
  'resource with a fragment': { resource: 'https://unknown.example/#x' },
};

describe('the relying party gets an error only if it is known (RFC 6749 §4.1.2.1)', () => {
  test.each(Object.entries(mistakes))('%s and a bad redirect_uri: a page with the reason', async (_name, mistake) => {
    const page = await ask(web, { ...mistake, redirect_uri: evil });
    expectPageAboutTheAddress(page);
    expect(words(page)).toContain('This app can’t sign you in');
  });

  test.each(Object.entries(mistakes))('%s and an unknown client: a page with the reason', async (_name, mistake) => {
    const page = await ask({ ...web, client_id: 'nobody' }, { ...mistake, redirect_uri: evil });
    expect(page.location).toBeNull();
    expect(page.status).toBe(400);
    expect(words(page)).toContain('We don’t recognize this app');
  });

  test.each(Object.entries(mistakes))('%s alone: never a redirect to another address', async (_name, mistake) => {
    const page = await ask(web, mistake);
    const target = page.location ?? /<form[^>]*action="([^"]*)"/.exec(page.text)?.[1] ?? '';
    expect(['', registered]).toContain(target.split(/[?#]/)[0]);
  });

  test.each([undefined, '', 'nobody', 'a'.repeat(300), '\u00e9', "' or 1=1 --", '../../etc/passwd'])(
    'client_id %j: a page, no redirect',
    async (client_id) => {
      const page = await new Visitor().request(
        authorizeUrl(latchkey.base, web, { client_id, code_challenge: challenge }),
      );
      expect(page.location).toBeNull();
      expect(page.status).toBe(400);
    },
  );

  test('a duplicate parameter does not hide that the client is unknown', async () => {
    const url = authorizeUrl(latchkey.base, { ...web, client_id: 'nobody' }, { code_challenge: challenge });
    const page = await new Visitor().request(`${url}&scope=openid&state=again`);
    expect(page.location).toBeNull();
    expect(words(page)).toContain('We don’t recognize this app');
  });

  test('a duplicate parameter does not hide that the address is bad', async () => {
    const url = authorizeUrl(latchkey.base, web, { code_challenge: challenge, redirect_uri: evil });
    expectPageAboutTheAddress(await new Visitor().request(`${url}&scope=openid&state=again`));
  });

  test('a disabled client is unknown', async () => {
    const client = await latchkey.client({ redirect_uris: [registered] });
    await latchkey.run('clients.disable', { client_id: client.client_id });
    const page = await ask(client, {});
    expect(page.location).toBeNull();
    expect(words(page)).toContain('We don’t recognize this app');
  });

  test('every other duplicate parameter is reported by a redirect to the right place (RFC 6749 §3.1)', async () => {
    for (const name of ['response_type', 'scope', 'state', 'nonce', 'prompt', 'code_challenge', 'max_age', 'claims']) {
      const url = new URL(authorizeUrl(latchkey.base, web, { code_challenge: challenge }));
      url.searchParams.append(name, 'again');
      url.searchParams.append(name, 'and again');
      const page = await new Visitor().request(url.href);
      expect([name, new URL(page.location ?? 'x:').searchParams.get('error')]).toEqual([name, 'invalid_request']);
      expect(page.location).toMatch(/^https:\/\/rp\.example\/cb\?/);
    }
  });

  test('a duplicate client_id is reported on a page', async () => {
    const page = await new Visitor().request(
      `${authorizeUrl(latchkey.base, web, { code_challenge: challenge })}&client_id=${native.client_id}`,
    );
    expect(page.location).toBeNull();
    expect(page.status).toBe(400);
  });
});

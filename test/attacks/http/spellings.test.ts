/** One path, one spelling: an address that is written differently does not exist, so that no limit or permission is walked around. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMounts } from '#kernel/http/mounts.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';
import { siteMap } from '../../../src/app/site-map.ts';

let latchkey: TestApp;
let user: TestUser;
let uid: string;
const mounts = createMounts(siteMap({ embedded: true }));
const visitor = new Visitor();
beforeAll(async () => {
  latchkey = await startTestApp({ embedded: true });
  user = await latchkey.user();
  const client = await latchkey.client({ first_party: true });
  const url = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
  await visitor.signIn(url(), user);
  const page = await visitor.open(
    authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, prompt: 'login' }),
  );
  uid = new URL(page.url).pathname.split('/')[2] ?? '';
});
afterAll(() => latchkey.close());

/** The path as it is: `fetch` would mend it. */
function statusOf(method: string, path: string): Promise<number> {
  const { hostname, port } = new URL(latchkey.base);
  const headers = { cookie: visitor.cookies(`${latchkey.base}/interaction/${uid}`), accept: 'text/html' };
  return new Promise((resolve, reject) => {
    request({ hostname, port, method, path, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

/** The last segment that is a word of ours, written with `change`. */
const changed = (path: string, change: (segment: string) => string): string =>
  path.replace(/([a-z][a-z-]*)(?=(?:\/[A-Za-z0-9_-]{30,})?$)/, (segment) => change(segment));
const escaped = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;

const spellings: readonly (readonly [string, (path: string) => string])[] = [
  ['capitals', (path) => changed(path, (segment) => segment.toUpperCase())],
  ['one capital', (path) => changed(path, (segment) => segment.charAt(0).toUpperCase() + segment.slice(1))],
  ['an escaped letter', (path) => changed(path, (segment) => escaped(segment.charAt(0)) + segment.slice(1))],
  [
    'an escaped capital',
    (path) => changed(path, (segment) => escaped(segment.charAt(0).toUpperCase()) + segment.slice(1)),
  ],
  [
    'a letter of another alphabet that becomes this one',
    (path) => changed(path, (segment) => segment.replace(/[sk]/, '%E2%84%AA')),
  ],
  ['a slash at the end', (path) => `${path}/`],
  ['two slashes', (path) => path.replace(/\/(?=[^/]*$)/, '//')],
  ['two slashes at the front', (path) => `/${path}`],
  ['a dot', (path) => path.replace(/\/(?=[^/]*$)/, '/./')],
  ['two dots', (path) => path.replace(/\/(?=[^/]*$)/, '/x/../')],
  ['an escaped slash', (path) => path.replace(/\/(?=[^/]*$)/, '%2f')],
  ['a parameter', (path) => `${path};x`],
  ['a backslash', (path) => path.replace(/\/(?=[^/]*$)/, '\\')],
  ['an escaped space', (path) => `${path}%20`],
  ['an escaped NUL', (path) => `${path}%00`],
];

const paths = [
  ...siteMap({ embedded: true })
    .map(({ path }) => path)
    .filter((path) => path !== '/' && !path.endsWith('/*')),
  ...['profile', 'security', 'password', 'devices', 'apps', 'activity', 'data', 'emails', 'phones', 'close'].map(
    (page) => `/account/${page}`,
  ),
  ...['login', 'password', 'passkey', 'email-code', 'create', 'forgot', 'account', 'consent'].map(
    (page) => `/interaction/:uid/${page}`,
  ),
  '/not-me/done',
  '/recovery/sent',
  '/waitlist/check',
];

/** Endpoints of protocols, and addresses whose GET is a step. */
const isExact = (path: string): boolean => {
  const mount = mounts.find(path);
  return mount === undefined || mount.audience !== 'page' || mount.delegated === true || mount.getActs === true;
};

test('the tested paths exist', async () => {
  expect(uid).toMatch(/^[\w-]{43}$/);
  for (const path of ['/account/password', '/account/profile', `/interaction/${uid}/login`])
    expect(await statusOf('GET', path), path).toBeLessThan(400);
});

describe.each(spellings)('a path written with %s', (title, spell) => {
  test('is not accepted as the path', async () => {
    for (const path of paths) {
      const right = path.replace(':uid', uid);
      const wrong = spell(right);
      if (wrong === right) continue;
      for (const method of ['GET', 'POST']) {
        const status = await statusOf(method, wrong);
        // A page is shown at one address, to which others with more slashes lead.
        if (method === 'GET' && status === 303 && /slash/.test(title) && !isExact(right)) continue;
        // Below /oidc/device/ are the ids of sign-ins; none has this name (410).
        const refusals = wrong.startsWith('/oidc/device/') ? [400, 404, 405, 410] : [400, 404, 405];
        expect(refusals, `${method} ${wrong}: ${status}`).toContain(status);
      }
    }
  });
});

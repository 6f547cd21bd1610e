/** The rules of every form of the account: also of one that is added tomorrow. */
import Router from '@koa/router';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { type SignedInVisitor, signInTo, tokenOn, travel } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

/** Forms that a session of any age may send, each with the reason. Every other form asks for a proof of the last five minutes. */
const everyday: Readonly<Record<string, string>> = {
  '/account/apps': 'takes access away from an application, and gives none',
  '/account/devices': 'signs browsers out, and lets nobody in',
  '/account/organizations': 'joins where an administrator invited the user',
  '/account/organizations/create': 'makes something new',
  '/account/organizations/join': 'asks an administrator, who decides',
  '/account/picture': 'changes what others see, not how the account is held or reached',
  '/account/picture/remove': 'changes what others see, not how the account is held or reached',
  '/account/profile': 'changes name, language and theme, not how the account is held or reached',
  '/account/trusted-devices': 'makes browsers prove more, not less',
};

const UPLOAD = '/account/picture';
/** Methods of a router that may change something. */
const changing = ['post', 'put', 'patch', 'delete', 'all'] as const;
const registered: Record<(typeof changing)[number], Set<string>> = {
  post: new Set(),
  put: new Set(),
  patch: new Set(),
  delete: new Set(),
  all: new Set(),
};
const posts = registered.post;
let latchkey: TestApp;
let plain: SignedInVisitor;
beforeAll(async () => {
  const spies = changing.map((method) => ({ method, spy: vi.spyOn(Router.prototype, method) }));
  latchkey = await startTestApp();
  for (const { method, spy } of spies) {
    for (const [path] of spy.mock.calls as unknown as [string | string[]][])
      for (const one of [path].flat())
        if (one.startsWith('/account')) registered[method].add(one.replaceAll(/:\w+/g, 'psk_1'));
    spy.mockRestore();
  }
  plain = await signInTo(latchkey);
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

const post = (visitor: Visitor, path: string, form: Record<string, string> = {}): Promise<Page> =>
  visitor.request(`${latchkey.base}${path}`, { form });
const asks = ({ status, location }: Page): string => {
  const url = location === null ? null : new URL(location);
  if (status !== 303 || url?.pathname !== '/oidc/auth') return String(status);
  return `sign in${url.searchParams.has('max_age') ? ' lately' : ''}${url.searchParams.has('claims') ? ' strongly' : ''}`;
};
const answers = async (visitor: Visitor, form: Record<string, string> = {}) =>
  Object.fromEntries(
    await Promise.all([...posts].map(async (path) => [path, asks(await post(visitor, path, form))] as const)),
  );
const every = (sensitive: string, others: string) =>
  Object.fromEntries([...posts].map((path) => [path, path in everyday ? refusal(path, others) : sensitive]));
/** Of an upload nothing is read that is none. */
const refusal = (path: string, others: string) => (path === UPLOAD && others === '403' ? '415' : others);

describe('every form of the account page', () => {
  test('is known to this test', () => {
    expect(posts.size).toBeGreaterThan(20);
    for (const path of Object.keys(everyday)) expect([...posts]).toContain(path);
  });

  test('is sent by POST, so that no other method changes anything', () => {
    expect({ ...registered, post: null }).toEqual({
      post: null,
      put: new Set(),
      patch: new Set(),
      delete: new Set(),
      all: new Set(),
    });
  });

  test('is refused without a session', async () => {
    expect(await answers(new Visitor())).toEqual(every('sign in lately', 'sign in'));
  });

  test('is refused without its token, and with a token of another session', async () => {
    expect(await answers(plain.visitor)).toEqual(every('403', '403'));
    const other = await signInTo(latchkey);
    const csrf = await tokenOn(other.visitor, `${latchkey.base}/account/profile`);
    expect(await answers(plain.visitor, { csrf })).toEqual(every('403', '403'));
    const upload = new FormData();
    upload.append('csrf', csrf);
    upload.append('picture', new File(['GIF89a'], 'a.gif', { type: 'image/gif' }));
    const url = `${latchkey.base}${UPLOAD}`;
    const headers = { cookie: plain.visitor.cookies(url), origin: latchkey.base };
    expect((await fetch(url, { method: 'POST', body: upload, headers, redirect: 'manual' })).status).toBe(403);
  });

  test('is refused in a session older than five minutes, except harmless forms', async () => {
    travel(6 * MINUTE);
    const csrf = await tokenOn(plain.visitor, `${latchkey.base}/account/profile`);
    const seen = await answers(plain.visitor, { csrf: `${csrf}x` });
    expect(seen).toEqual(every('sign in lately', '403'));
  });

  test('is refused in a session with one factor of a user with two, except harmless forms', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await latchkey.app.database.transaction((em) =>
      latchkey.app.credentials.totp.import(em, user.id as never, { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' }),
    );
    expect(await answers(visitor)).toEqual(every('sign in lately strongly', '403'));
  });
});

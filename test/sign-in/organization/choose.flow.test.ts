/** The page that asks for the organization of a sign-in, and the one that says that there is none. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ name: 'Tally', first_party: true, organization_usage: 'require' });
});
afterAll(() => latchkey.close());

const unique = () => randomBytes(5).toString('hex');
const create = (name: string, owner?: string) =>
  latchkey.run<{ id: string; name: string }>('organizations.create', { name, ...(owner ? { owner } : {}) });
const { verifier, challenge } = pkce();
const requestTo = (extra: Record<string, string> = {}, of = client) =>
  authorizeUrl(latchkey.base, of, { code_challenge: challenge, ...extra });

async function signIn(user: TestUser, url = requestTo(), visitor = new Visitor()) {
  let page = await visitor.open(url);
  page = await visitor.submit(page, { email: user.email });
  return { visitor, page: await visitor.submit(page, { password: user.password }) };
}

/** The organization of the ID token for the code of this redirect. */
async function organizationOf(page: Page, of = client): Promise<unknown> {
  const { body } = await post(`${latchkey.base}/oidc/token`, of, {
    grant_type: 'authorization_code',
    code: new URL(page.location ?? '').searchParams.get('code') ?? '',
    redirect_uri: of.redirect_uris[0] ?? '',
    code_verifier: verifier,
  });
  const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1]!, 'base64url').toString()) as { org_id?: string };
  return claims.org_id;
}

async function memberOfTwo() {
  const user = await latchkey.user();
  const [first, second] = [await create(`First ${unique()}`, user.id), await create(`Second ${unique()}`, user.id)];
  return { user, first, second };
}

describe('a user with several organizations', () => {
  test('chooses one, which is in the token and is not asked for again at this application', async () => {
    const { user, first, second } = await memberOfTwo();
    const { visitor, page } = await signIn(user);
    expect(page.text).toContain('Choose an organization');
    for (const { name } of [first, second]) expect(page.text).toContain(name);
    const back = await visitor.submit(page, {}, second.id);
    expect(await organizationOf(back)).toBe(second.id);

    const again = await visitor.open(requestTo());
    expect(await organizationOf(again)).toBe(second.id);
    expect(await organizationOf((await signIn(user)).page)).toBe(second.id);
  });

  test('chooses for each application, and again with prompt=select_account', async () => {
    const { user, first, second } = await memberOfTwo();
    const { visitor, page } = await signIn(user);
    await visitor.submit(page, {}, first.id);
    const other = await latchkey.client({ name: 'Other', first_party: true, organization_usage: 'require' });
    expect((await visitor.open(requestTo({}, other))).text).toContain('Choose an organization');
    const chooser = await visitor.open(requestTo({ prompt: 'select_account' }));
    const choice = await visitor.submit(chooser, {}, user.id);
    expect(choice.text).toContain('Last used');
    expect(await organizationOf(await visitor.submit(choice, {}, second.id))).toBe(second.id);
  });

  test('is asked again after leaving the chosen one, and not when one is left', async () => {
    const { user, first, second } = await memberOfTwo();
    const third = await create(`Third ${unique()}`, user.id);
    const owner = await latchkey.user();
    for (const { id } of [first, second, third])
      await latchkey.run('organizations.members.create', {
        organization_id: id,
        user_id: owner.id,
        roles: ['TENANT_OWNER'],
      });
    const { visitor, page } = await signIn(user);
    await visitor.submit(page, {}, first.id);
    await latchkey.run('organizations.members.delete', { organization_id: first.id, user_id: user.id });
    expect((await visitor.open(requestTo())).text).toContain('Choose an organization');
    await latchkey.run('organizations.members.delete', { organization_id: second.id, user_id: user.id });
    expect(await organizationOf(await visitor.open(requestTo()))).toBe(third.id);
  });

  test('sees no organization that is suspended', async () => {
    const { user, first, second } = await memberOfTwo();
    await create(`Third ${unique()}`, user.id);
    await latchkey.run('organizations.suspend', { organization_id: first.id });
    const { visitor, page } = await signIn(user);
    expect([page.text.includes(first.name), page.text.includes(second.name)]).toEqual([false, true]);
    const refused = await visitor.request(page.url, { form: { ...fieldsOf(page), organization: first.id } });
    expect(new URL(refused.location!).origin).toBe(new URL(latchkey.base).origin);
  });

  test('cannot choose the organization of others, nor nonsense', async () => {
    const { user, second } = await memberOfTwo();
    const foreign = await create('Foreign', (await latchkey.user()).id);
    const { visitor, page } = await signIn(user);
    for (const organization of [foreign.id, 'org_nonsense', '', second.id.toUpperCase(), 'x'.repeat(500)]) {
      const answer = await visitor.request(page.url, { form: { ...fieldsOf(page), organization } });
      expect([answer.status, new URL(answer.location!).pathname.includes('/interaction/')]).toEqual([303, true]);
    }
    expect((await visitor.request(page.url, { form: { organization: second.id } })).status).toBe(403);
    expect(await organizationOf(await visitor.submit(page, {}, second.id))).toBe(second.id);
  });

  test('goes on once after a second click', async () => {
    const { user, first } = await memberOfTwo();
    const { visitor, page } = await signIn(user);
    const form = { ...fieldsOf(page), organization: first.id };
    const answers = await Promise.all([1, 2, 3].map(() => visitor.request(page.url, { form })));
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303]);
    expect(await organizationOf(await visitor.open(answers[0]!.location!))).toBe(first.id);
  });
});

const fieldsOf = (page: Page): Record<string, string> => ({
  csrf: /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '',
});

describe('a user without an open organization', () => {
  test('is told so, and the application gets access_denied', async () => {
    const { visitor, page } = await signIn(await latchkey.user());
    expect(page.text).toContain('You don’t belong to an organization');
    const back = await visitor.submit(page, {}, 'leave');
    expect(new URL(back.location!).searchParams.get('error')).toBe('access_denied');
  });

  test('learns of a foreign organization no more than of one that does not exist', async () => {
    const foreign = await create(`Foreign ${unique()}`, (await latchkey.user()).id);
    const user = await latchkey.user();
    const texts = [];
    for (const organization of [foreign.id, 'no-such-slug']) {
      const { page } = await signIn(user, requestTo({ organization }));
      expect(page.text).toContain('You’re not a member of this organization');
      expect(page.text).not.toContain(foreign.name);
      texts.push(page.text.replaceAll(/nonce="[^"]*"|value="[^"]*"|interaction\/[\w-]+/g, ''));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  test('may go on with another account', async () => {
    const { user, first } = await memberOfTwo();
    const { visitor, page } = await signIn(await latchkey.user(), requestTo({ organization: first.id }));
    const chooser = await visitor.open(page.url.replace(/\/organization$/, '/account'));
    let next = await visitor.submit(chooser, {}, 'another');
    next = await visitor.submit(next, { email: user.email });
    next = await visitor.submit(next, { password: user.password });
    // The session was of the first account: the engine asks the browser to go on by a form.
    if (next.location === null) next = await visitor.submit(next);
    expect(await organizationOf(next)).toBe(first.id);
  });
});

test('the page is no page of a sign-in that asks for no organization', async () => {
  const plain = await latchkey.client({ name: 'Plain', first_party: true });
  const { user } = await memberOfTwo();
  const visitor = new Visitor();
  const page = await visitor.open(requestTo({}, plain));
  const early = await visitor.request(page.url.replace(/\/login$/, '/organization'));
  expect(early.status).toBe(303);
  const { page: back } = await signIn(user, requestTo({}, plain));
  expect(await organizationOf(back, plain)).toBeUndefined();
});

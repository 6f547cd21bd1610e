import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LARGEST_PICTURE, LARGEST_PICTURE_MEGABYTES } from '#directory/users/module.ts';
import { eventsOf, send, signInTo, tokenOn } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { tokensFor, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp({
    settings: {
      'profile.nameFallback': 'none',
      'profile.fields': ['name', 'birthdate', 'website'],
      'profile.properties': [
        { name: 'team', type: 'text', label: { en: 'Team', de: 'Mannschaft' }, maxLength: 5, visibility: 'claims' },
        { name: 'news', type: 'boolean', label: 'News' },
        { name: 'cost_centre', type: 'text', label: 'Cost centre', editable: 'operator' },
      ],
    },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(() => latchkey.close());

const at = (path: string) => `${latchkey.base}${path}`;
async function claims(user: TestUser): Promise<Record<string, unknown>> {
  const { access_token: token } = await tokensFor(latchkey.base, client, user, { scope: 'openid profile email' });
  const answer = await fetch(at('/oidc/userinfo'), { headers: { authorization: `Bearer ${token}` } });
  return (await answer.json()) as Record<string, unknown>;
}

describe('profile of a user', () => {
  test('appears in the claims of relying parties, can be reset, and is not in the audit log', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const saved = await send(visitor, at('/account/profile'), {
      name: 'Noor Haddad',
      birthdate: '1990-02-01',
      property_team: 'Red',
      property_news: '1',
    });
    expect([saved.status, saved.location]).toEqual([303, at('/account/profile?done=saved')]);
    expect(await claims(user)).toMatchObject({ name: 'Noor Haddad', birthdate: '1990-02-01', team: 'Red' });
    await send(visitor, at('/account/profile'), { name: 'Noor', birthdate: '', property_team: '' });
    expect(await claims(user)).toMatchObject({ name: 'Noor' });
    expect(await claims(user)).not.toHaveProperty('birthdate');
    expect(await eventsOf(latchkey, user)).toContain('user.profile_changed');
    const recorded = await latchkey.app.database.sql(
      `select 1 from audit_record where subject_id = $1 and details::text like '%Haddad%'`,
      [user.id],
    );
    expect(recorded).toEqual([]);
  });

  test.each([
    ['a name that is too long', { name: 'N'.repeat(200) }, 'Enter a shorter answer to'],
    ['no date', { birthdate: 'yesterday' }, 'Enter a date in'],
    ['a date of birth that has not come yet', { birthdate: '2999-01-01' }, 'Enter a date that is not in the future in'],
    ['no address', { website: 'javascript:alert(1)' }, 'Enter a web address that starts with https://'],
    ['a property that is too long', { property_team: 'Longer' }, 'Enter a shorter answer to'],
  ])('is not changed by %s, and the page says how to fix it', async (_what, form, text) => {
    const { visitor, user } = await signInTo(latchkey);
    const sent = await send(visitor, at('/account/profile'), { name: 'Noor', ...(form as Record<string, string>) });
    const page = await visitor.follow(sent);
    expect(page.isRefused).toBe(true);
    expect(page.text).toContain(text);
    expect(await claims(user)).not.toHaveProperty('name');
  });

  test('shows the properties that only the operator may edit, and does not accept changes of them', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await latchkey.app.database.sql(`update users set properties = '{"cost_centre":"4711"}' where email = $1`, [
      user.email,
    ]);
    expect((await visitor.open(at('/account/profile'))).text).toContain('4711');
    await send(visitor, at('/account/profile'), {
      property_cost_centre: '1',
      cost_centre: '1',
      is_administrator: 'true',
    });
    const [row] = await latchkey.app.database.sql<{ properties: unknown; is_administrator: boolean }>(
      'select properties->>$2 as properties, is_administrator from users where email = $1',
      [user.email, 'cost_centre'],
    );
    expect(row).toEqual({ properties: '4711', is_administrator: false });
  });

  test('sets the language and the appearance of the pages, also in the next browser', async () => {
    const { visitor, user } = await signInTo(latchkey);
    await send(visitor, at('/account/profile'), { language: 'de', theme: 'dark' });
    const page = await visitor.open(at('/account'));
    expect(page.text).toContain('<html lang="de" dir="ltr" data-theme="dark">');
    const next = await signInTo(latchkey, user);
    expect((await next.visitor.open(at('/account/devices'))).text).toContain(
      '<html lang="de" dir="ltr" data-theme="dark">',
    );
    await send(visitor, at('/account/profile'), { language: '', theme: '' });
    expect(await claims(user)).not.toHaveProperty('locale');
    expect((await visitor.open(at('/account'))).text).toContain('<html lang="en" dir="ltr">');
  });
});

describe('picture of a user', () => {
  const picture = () =>
    sharp({ create: { width: 900, height: 600, channels: 3, background: '#336699' } })
      .withExif({ IFD0: { Copyright: 'a secret place' } })
      .jpeg()
      .toBuffer();

  async function upload(visitor: Visitor, file: Buffer | null, token?: string) {
    const body = new FormData();
    body.append('csrf', token ?? (await tokenOn(visitor, at('/account/profile'))));
    if (file) body.append('picture', new Blob([Uint8Array.from(file)]), '../../etc/passwd');
    const url = at('/account/picture');
    return fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: { cookie: visitor.cookies(url), origin: latchkey.base },
    });
  }

  test('is re-encoded as a square without metadata, and the claim picture links to it publicly', async () => {
    const { visitor, user } = await signInTo(latchkey);
    const original = await picture();
    expect(original.includes('a secret place')).toBe(true);
    expect((await upload(visitor, original)).status).toBe(303);
    const { picture: url } = await claims(user);
    expect(url).toMatch(new RegExp(`^${latchkey.base}/account/picture/[0-9a-f]{64}-512\\.webp$`));
    const answer = await fetch(String(url));
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 512, height: 512 });
    expect(bytes.includes('a secret place')).toBe(false);
    const small = await fetch(String(url).replace('-512.', '-256.'));
    expect(await sharp(Buffer.from(await small.arrayBuffer())).metadata()).toMatchObject({ width: 256, height: 256 });
    expect((await visitor.open(at('/account'))).text).toContain(`src="${new URL(String(url)).pathname}"`);
    expect((await send(visitor, at('/account/picture/remove'))).status).toBe(303);
    expect((await fetch(String(url))).status).toBe(404);
    expect(await claims(user)).not.toHaveProperty('picture');
  });

  test.each([
    ['nothing', null, 'Choose a picture first'],
    [
      'text that is called a picture',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
      'We can’t read this file',
    ],
    [
      'a file that only begins like a picture',
      Buffer.from('\x89PNG\r\n\x1a\nand then nothing', 'latin1'),
      'We can’t read this file',
    ],
    ['more than the limit', Buffer.alloc(LARGEST_PICTURE + 1, 0xff), `larger than ${LARGEST_PICTURE_MEGABYTES} MB`],
  ])('is not accepted from %s', async (_what, file, text) => {
    const { visitor, user } = await signInTo(latchkey);
    const answer = await upload(visitor, file);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account/profile']);
    const [cookie = ''] = answer.headers.getSetCookie();
    const page = await visitor.request(at('/account/profile'), {
      headers: { cookie: `${visitor.cookies(at('/account'))}; ${cookie.split(';')[0]}` },
    });
    expect([page.isRefused, page.text.includes(text)]).toEqual([true, true]);
    expect(await claims(user)).not.toHaveProperty('picture');
  });

  test('is refused without the form token, from another site, or above the size limit', async () => {
    const { visitor } = await signInTo(latchkey);
    expect((await upload(visitor, await picture(), 'x')).status).toBe(403);
    expect((await upload(visitor, Buffer.alloc(6 * 1024 * 1024))).status).toBe(413);
    const url = at('/account/picture');
    const foreign = await visitor.request(url, { form: { csrf: 'x' }, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(foreign.status).toBe(403);
    const plain = await visitor.request(url, { form: { csrf: await tokenOn(visitor, at('/account/profile')) } });
    expect(plain.status).toBe(415);
  });

  test.each(['x', `${'0'.repeat(64)}-512.webp`, `${'0'.repeat(64)}-1.webp`])('does not exist at %s', async (name) => {
    expect((await fetch(at(`/account/picture/${name}`))).status).toBe(404);
  });
});

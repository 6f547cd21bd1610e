/** Links and codes in mails: used twice, late, for another purpose or user, and searched for in forbidden places. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { walk } from '../../support/mfa.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let people = 0;
const someone = () => new Visitor({ 'x-forwarded-for': `198.51.100.${(people += 1) % 250}` });
const fresh = 'granite otter lantern';

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' } });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
});

const person = (given = {}) => latchkey.user({ email_verified: true, ...given });
const start = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const secretOf = (link: string): string => link.slice(link.lastIndexOf('/') + 1);

async function resetLink(user: TestUser): Promise<string> {
  const visitor = someone();
  await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
  return (await mails.next(user.email, /new password/)).link;
}
async function atCode(user: TestUser, visitor = someone()) {
  const first = await visitor.submit(await visitor.open(start()), { email: user.email });
  const page = await visitor.open(first.url.replace(/\/password$/, '/email-code'));
  return { visitor, page, mail: await mails.next(user.email, /sign-in code/) };
}

describe('a password reset', () => {
  test('works only with the newest link, and once', async () => {
    const user = await person();
    const [older, newest] = [await resetLink(user), await resetLink(user)];
    expect((await someone().open(older)).status).toBe(410);
    const visitor = someone();
    expect((await visitor.submit(await visitor.open(newest), { password: fresh })).status).toBe(200);
    expect((await someone().open(newest)).status).toBe(410);
    expect((await someone().open(older)).status).toBe(410);
  });

  test('changes only the user of the link, whatever else the form says', async () => {
    const [mallory, alice] = [await person(), await person()];
    const visitor = someone();
    const page = await visitor.open(await resetLink(mallory));
    const more = { email: alice.email, user: alice.id, user_id: alice.id, id: alice.id };
    await visitor.submit(page, { ...more, password: fresh });
    expect((await someone().signIn(start(), alice)).get('code')).toMatch(/^lk_ac_/);
    expect((await someone().signIn(start(), { ...mallory, password: fresh })).get('code')).toMatch(/^lk_ac_/);
  });

  test('accepts no JSON', async () => {
    const visitor = someone();
    const page = await visitor.open(await resetLink(await person()));
    const answer = await fetch(page.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: visitor.cookies(page.url) },
      body: JSON.stringify({ ...formsOf(page)[0]!.fields, password: fresh }),
    });
    expect(answer.status).toBe(415);
  });

  test('still requires the second factor', async () => {
    const user = await walk(latchkey, client).withApp({ email_verified: true });
    const visitor = someone();
    await visitor.submit(await visitor.open(await resetLink(user)), { password: fresh });
    const next = await visitor.submit(await visitor.open(start()), { email: user.email });
    const page = await visitor.submit(next, { password: fresh });
    expect(new URL(page.url).pathname).toMatch(/\/second-factor\/totp$/);
    expect(page.location).toBeNull();
  });

  test('does not sign the user in', async () => {
    const user = await person();
    const visitor = someone();
    await visitor.submit(await visitor.open(await resetLink(user)), { password: fresh });
    const silent = await visitor.request(`${start()}&prompt=none`);
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required');
  });

  test('ends all other open links and codes', async () => {
    const user = await person();
    const { visitor: first, page, mail } = await atCode(user);
    const visitor = someone();
    await visitor.submit(await visitor.open(await resetLink(user)), { password: fresh });
    expect((await first.submit(page, { code: mail.code })).isRefused).toBe(true);
    expect((await first.open(mail.link)).status).toBe(410);
    const open = await latchkey.app.database.sql(
      `select purpose from one_time_secret where address = $1 and used_at is null and user_id is not null`,
      [user.email],
    );
    // The letter about the new password carries the owner's way back, made with it.
    expect(open).toEqual([{ purpose: 'end_sign_in' }]);
  });
});

describe('a secret of one purpose', () => {
  test('is useless at every other address', async () => {
    const user = await person();
    const reset = secretOf(await resetLink(user));
    const { visitor, page, mail } = await atCode(user);
    const magic = secretOf(mail.link);
    const uid = /interaction\/([^/]+)/.exec(page.url)![1]!;
    const at = (path: string) => `${latchkey.base}${path}`;

    expect((await someone().open(at(`/recovery/link/${magic}`))).status).toBe(410);
    expect((await visitor.open(at(`/interaction/${uid}/email-link/${reset}`))).status).toBe(410);
    for (const path of [`/not-me/${reset}`, `/not-me/${magic}`, `/setup/${reset}`, `/setup/${magic}`])
      expect([404, 410], path).toContain((await someone().open(at(path))).status);
    for (const value of [reset, magic]) {
      expect((await someone().open(at(`/interaction/${value}`))).status, value).toBe(410);
      const typed = await visitor.submit(page, { code: value });
      expect(typed.isRefused).toBe(true);
    }
    // Neither was used up by any of that.
    expect((await someone().open(at(`/recovery/link/${reset}`))).status).toBe(200);
    expect((await visitor.open(mail.link)).status).toBe(200);
  });

  test('is not a form token, state or cookie of another kind', async () => {
    const user = await person();
    const reset = secretOf(await resetLink(user));
    const visitor = someone();
    const page = await visitor.open(`${latchkey.base}/recovery`);
    const forged = await visitor.request(page.url, { form: { csrf: reset, email: user.email } });
    expect(forged.status).toBe(403);
  });
});

describe('a secret in a mail is in no other place', () => {
  const everything = ({ text, headers, url, location }: Page): string =>
    [text, url, location ?? '', ...[...headers].flat()].join('\n');

  test('not in any response before the mail', async () => {
    const user = await person();
    const visitor = someone();
    const seen: string[] = [];
    const note = async (page: Promise<Page>): Promise<Page> => {
      seen.push(everything(await page));
      return page;
    };
    let page = await note(visitor.open(start()));
    page = await note(visitor.submit(page, { email: user.email }));
    const forgot = await note(visitor.open(page.url.replace(/password$/, 'forgot')));
    await note(visitor.submit(forgot, { email: user.email }));
    const asked = await note(visitor.open(page.url.replace(/password$/, 'email-code')));
    await note(visitor.submit(asked, { code: '12' }));
    const secrets = [
      secretOf((await mails.next(user.email, /new password/)).link),
      ...(({ code, link }) => [code, secretOf(link)])(await mails.next(user.email, /sign-in code/)),
    ];
    for (const secret of secrets) expect(seen.filter((text) => text.includes(secret))).toEqual([]);
  });

  test('a link to reset the password leaves the address before any page is shown, and no page loads third-party content', async () => {
    const user = await person();
    const link = await resetLink(user);
    const visitor = someone();
    const first = await visitor.request(link);
    expect([first.status, first.text, first.location]).toEqual([
      303,
      '',
      expect.stringMatching(/\/recovery\/link\/[\w-]{12}$/),
    ]);
    expect(first.headers.get('referrer-policy')).toBe('no-referrer');
    const page = await visitor.open(first.location!);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.text).not.toContain(secretOf(link));
    expect(page.text.match(/(?:src|href|action)="https?:\/\//g)).toBeNull();
  });

  test('and no table stores it', async () => {
    const user = await person();
    const reset = secretOf(await resetLink(user));
    const { mail } = await atCode(user);
    const rows = await latchkey.app.database.sql('select * from one_time_secret');
    const dump = JSON.stringify(rows, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
    );
    for (const secret of [reset, secretOf(mail.link)]) expect(dump).not.toContain(secret);
  });
});

test('fifty requests from ten addresses send at most three mails of a kind in a quarter of an hour', async () => {
  const user = await person();
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const visitor = someone();
      const page = await visitor.open(`${latchkey.base}/recovery`);
      for (let i = 0; i < 5; i += 1)
        expect((await visitor.submit(page, { email: user.email })).url).toBe(`${latchkey.base}/recovery/sent`);
    }),
  );
  const marker = await person();
  await resetLink(marker);
  const sent = (await mails.all()).filter(({ to }) => to === user.email);
  expect(sent).toHaveLength(3);
  // The last that was sent works: what was held back has not killed it.
  expect((await someone().open(sent.at(-1)!.link)).status).toBe(200);
});

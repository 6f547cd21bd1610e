/** Of many who use one link or code at once, one wins: on one node, and on two where there are two. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails, type ReadMail } from '../../support/mails.ts';
import { type Answer, type Node, sender, startNode } from '../../support/nodes.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

/** On PostgreSQL another process; the embedded database has one. */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
const MANY = 50;

let latchkey: TestApp;
let other: Node;
let itself: ReturnType<typeof sender>;
let mails: Mails;
let client: TestClient;

beforeAll(async () => {
  mails = await openMails();
  const env = { ...mails.env, TRUSTED_PROXIES: '127.0.0.1' };
  latchkey = await startTestApp({ env });
  client = await latchkey.client({ first_party: true });
  itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey, env) : { send: itself.send, stop: async () => undefined };
});
afterAll(async () => {
  await other.stop();
  itself.close();
  await latchkey.close();
  mails.close();
});

/** The same form, many times at once, on both nodes in turn. */
async function race(visitor: Visitor, url: string, forms: readonly Record<string, string>[]): Promise<Answer[]> {
  const { pathname, origin } = new URL(url);
  const headers = { cookie: visitor.cookies(url), origin, 'sec-fetch-site': 'same-origin', accept: 'text/html' };
  return Promise.all(forms.map((form, i) => (i % 2 === 0 ? itself : other).send(pathname, { form, headers })));
}
const statuses = (answers: readonly Answer[]): Record<string, number> =>
  answers.reduce<Record<string, number>>(
    (counts, { status }) => ({ ...counts, [status]: (counts[status] ?? 0) + 1 }),
    {},
  );
const fieldsOf = (page: Page, more: Record<string, string>, button?: string): Record<string, string> => {
  const form = formsOf(page).find(
    ({ buttons }) => button === undefined || buttons.some(({ value }) => value === button),
  );
  return { ...form!.fields, ...more };
};
const copies = (form: Record<string, string>): Record<string, string>[] => Array.from({ length: MANY }, () => form);

async function atCode(user: TestUser): Promise<{ visitor: Visitor; page: Page; mail: ReadMail }> {
  const visitor = new Visitor({ 'x-forwarded-for': `198.51.100.${Math.floor(Math.random() * 250)}` });
  const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
  const first = await visitor.submit(await visitor.open(url), { email: user.email });
  const page = await visitor.open(first.url.replace(/\/password$/, '/email-code'));
  return { visitor, page, mail: await mails.next(user.email, /sign-in code/) };
}
/** The one proof of a user ends the sign-in in the request that brings it. */
const signIns = async ({ id }: TestUser): Promise<number> => {
  const rows = await latchkey.app.database.sql(
    `select 1 from audit_record where type = 'user.signed_in' and subject_id = $1`,
    [id],
  );
  return rows.length;
};

describe(`of ${MANY} or so requests at once`, () => {
  test('one sets a new password', async () => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = new Visitor({ 'x-forwarded-for': '198.51.100.251' });
    await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email: user.email });
    const page = await visitor.open((await mails.next(user.email, /new password/)).link);
    const forms = Array.from({ length: 12 }, (_, i) => fieldsOf(page, { password: `granite otter lantern ${i}` }));
    const answers = await race(visitor, page.url, forms);
    const won = answers.filter(({ status }) => status === 303);
    expect(won, JSON.stringify(statuses(answers))).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410).length + won.length).toBe(forms.length);
    const changed = await latchkey.app.database.sql(
      `select 1 from audit_record where type = 'user.password_reset' and subject_id = $1`,
      [user.id],
    );
    expect(changed).toHaveLength(1);
  });

  test('one signs in with a link', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, mail } = await atCode(user);
    const page = await visitor.open(mail.link);
    const answers = await race(visitor, page.url, copies(fieldsOf(page, { action: 'continue' })));
    const used = await latchkey.app.database.sql(
      `select 1 from one_time_secret where user_id is not null and purpose = 'sign_in' and address = $1 and used_at is not null`,
      [user.email],
    );
    expect(used).toHaveLength(1);
    // A later request continues with the proof of the winner, or is told that the link is consumed.
    expect(Object.keys(statuses(answers)).every((status) => status === '303' || status === '410')).toBe(true);
    expect(await signIns(user)).toBe(1);
  });

  test('one signs in with a code', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page, mail } = await atCode(user);
    const answers = await race(visitor, page.url, copies(fieldsOf(page, { code: mail.code }, 'continue')));
    expect(statuses(answers)).toEqual({ 303: answers.length });
    expect(await signIns(user)).toBe(1);
  });

  test('that guess a code five are compared, though one of the others is right', async () => {
    const user = await latchkey.user({ email_verified: true });
    const { visitor, page, mail } = await atCode(user);
    const guesses = Array.from({ length: 199 }, (_, i) =>
      String(Number(mail.code) + i + 1)
        .padStart(6, '0')
        .slice(-6),
    );
    const forms = [...guesses, mail.code].map((code) => fieldsOf(page, { code }, 'continue'));
    const answers = await race(visitor, page.url, forms);
    expect(
      answers.filter(({ body }) => JSON.stringify(body).includes('That code is incorrect or has expired')).length,
    ).toBeLessThan(6);
    const [row] = await latchkey.app.database.sql<{ tries: number }>('select max(tries) as tries from one_time_secret');
    expect(row?.tries).toBeLessThanOrEqual(5);
  });

  test('that guess three codes of three browsers fifteen are compared in all', async () => {
    const user = await latchkey.user({ email_verified: true });
    const asked = [await atCode(user), await atCode(user), await atCode(user)];
    await Promise.all(
      asked.map(({ visitor, page }) =>
        race(
          visitor,
          page.url,
          Array.from({ length: 40 }, () => fieldsOf(page, { code: 'wrong!' }, 'continue')),
        ),
      ),
    );
    const [row] = await latchkey.app.database.sql<{ tries: number }>(
      'select sum(tries)::int as tries from one_time_secret where subject = $1',
      [user.id],
    );
    expect(row?.tries).toBe(15);
  });

  test('that request a code three are sent one', async () => {
    const user = await latchkey.user({ email_verified: true });
    const asking = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const visitor = new Visitor({ 'x-forwarded-for': `198.51.100.${Math.floor(Math.random() * 250)}` });
        const url = authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
        const page = await visitor.submit(await visitor.open(url), { email: user.email });
        return { visitor, path: new URL(page.url.replace(/\/password$/, '/email-code')).pathname };
      }),
    );
    const answers = await Promise.all(
      asking.map(({ visitor, path }, i) =>
        (i % 2 === 0 ? itself : other).send(path, {
          headers: { cookie: visitor.cookies(`${latchkey.base}${path}`), accept: 'text/html' },
        }),
      ),
    );
    expect(statuses(answers)).toEqual({ 200: 12 });
    const open = await latchkey.app.database.sql('select 1 from one_time_secret where subject = $1', [user.id]);
    expect(open).toHaveLength(3);
  });
});

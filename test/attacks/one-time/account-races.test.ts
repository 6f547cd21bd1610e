/** Two acts on one account at once: one must win, or both must be consistent, on one node and on two if there are two. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { signInTo, tokenOn } from '../../support/account.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { codeBack, codeOf, walk } from '../../support/mfa.ts';
import { type Answer, type Node, sender, startNode } from '../../support/nodes.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

/** On PostgreSQL another process; the embedded database has one. */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
const MANY = 10;

let latchkey: TestApp;
let other: Node;
let itself: ReturnType<typeof sender>;
let mails: Mails;
let client: TestClient;
let steps: ReturnType<typeof walk>;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
  itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey, mails.env) : { send: itself.send, stop: async () => undefined };
});
afterAll(async () => {
  await other.stop();
  itself.close();
  await latchkey.close();
  mails.close();
});

const at = (path: string) => `${latchkey.base}${path}`;
let turn = 0;

/** One form, as this browser sends it, to the next node in turn. */
async function send(visitor: Visitor, url: string, form: Record<string, string>): Promise<Answer> {
  const { pathname, origin } = new URL(url);
  const headers = { cookie: visitor.cookies(url), origin, 'sec-fetch-site': 'same-origin', accept: 'text/html' };
  return ((turn += 1) % 2 === 0 ? itself : other).send(pathname, { form, headers });
}
const many = (work: () => Promise<Answer>): Promise<Answer[]> => Promise.all(Array.from({ length: MANY }, work));
const fieldsOf = (page: Page, button?: string): Record<string, string> => {
  const form = formsOf(page).find(
    ({ buttons }) => button === undefined || buttons.some(({ value }) => value === button),
  );
  const pressed = form?.buttons.find(({ value }) => value === button);
  return { ...form?.fields, ...(pressed ? { [pressed.name]: pressed.value } : {}) };
};
const eventsOf = async ({ id }: Pick<TestUser, 'id'>, type: string): Promise<number> => {
  const rows = await latchkey.app.database.sql('select 1 from audit_record where subject_id = $1 and type = $2', [
    id,
    type,
  ]);
  return rows.length;
};

async function changing(): Promise<{ visitor: Visitor; user: TestUser; page: Page; to: string; code: string }> {
  const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
  const to = `to${(turn += 1)}@example.com`;
  const page = await visitor.submit(await visitor.open(at('/account/emails/change')), { email: to });
  return { visitor, user, page, to, code: (await mails.next(to)).code };
}

describe('many requests at once', () => {
  test('with the code of a new address change the address once', async () => {
    const { visitor, user, page, code } = await changing();
    const answers = await many(() => send(visitor, page.url, { ...fieldsOf(page), code }));
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    expect(await eventsOf(user, 'user.email_changed')).toBe(1);
  });

  test('with the link back undo the change once', async () => {
    const { visitor, user, page, code } = await changing();
    await visitor.submit(page, { code });
    const browser = new Visitor();
    const shown = await browser.open((await mails.next(user.email, /was changed/)).link);
    const answers = await many(() => send(browser, shown.url, fieldsOf(shown, 'confirm')));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(await eventsOf(user, 'user.email_reverted')).toBe(1);
  });

  test('with the link of another user’s sign-in lock the account once', async () => {
    const user = await latchkey.user({ email_verified: true });
    await steps.afterPassword(user);
    await steps.afterPassword(user);
    const browser = new Visitor();
    const shown = await browser.open((await mails.next(user.email, /sign-in/)).link);
    const answers = await many(() => send(browser, shown.url, fieldsOf(shown, 'confirm')));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(await eventsOf(user, 'user.locked_by_owner')).toBe(1);
  });
});

describe('two requests at once', () => {
  test('new recovery codes and an old code: it works before they exist or not at all', async () => {
    const user = await steps.withApp();
    const id = user.id as never;
    const by = { actor: { type: 'user' as const, id } };
    const { recoveryCodes } = latchkey.app.credentials;
    const [old = ''] = await steps.withRecoveryCodes(user);
    const visitor = { ip: '192.0.2.7', userAgent: 'Firefox', requestId: 'req' };
    const [tried] = await Promise.all([
      recoveryCodes.verify(id, old, { ...by, visitor }),
      recoveryCodes.make({ userId: id, holder: 'race' }, by),
    ]);
    expect(['verified', 'wrong']).toContain(tried.kind);
    // In either order, the ten new codes are complete and the old one is invalid.
    expect((await recoveryCodes.find(id))?.left).toBe(10);
    expect((await recoveryCodes.verify(id, old, { ...by, visitor })).kind).toBe('wrong');
  });

  test.each<[string, (held: { visitor: Visitor; user: TestUser; to: string }) => Promise<() => Promise<Answer>>]>([
    [
      'a password reset',
      async ({ to }) => {
        const browser = new Visitor();
        await browser.submit(await browser.open(at('/recovery')), { email: to });
        const page = await browser.open((await mails.next(to, /new password/)).link);
        return () => send(browser, page.url, { ...fieldsOf(page), password: 'the words of an intruder 66' });
      },
    ],
    [
      'the account locked on its page',
      async ({ visitor }) => {
        const csrf = await tokenOn(visitor, at('/account/password'));
        return () => send(visitor, at('/account/activity/not-me'), { csrf });
      },
    ],
    [
      'a further change of the first address',
      async ({ visitor }) => {
        const next = `to${(turn += 1)}@example.com`;
        const page = await visitor.submit(await visitor.open(at('/account/emails/change')), { email: next });
        const { code } = await mails.next(next);
        return () => send(visitor, page.url, { ...fieldsOf(page), code });
      },
    ],
  ])('the link back and %s: the address of the link is the primary one', async (_what, prepare) => {
    const { visitor, user, page, to, code } = await changing();
    await visitor.submit(page, { code });
    const browser = new Visitor();
    const shown = await browser.open((await mails.next(user.email, /was changed/)).link);
    const act = await prepare({ visitor, user, to });
    const [back, other] = await Promise.all([send(browser, shown.url, fieldsOf(shown, 'confirm')), act()]);
    expect([back.status, other.status < 500]).toEqual([303, true]);
    const [first] = await latchkey.app.database.sql<{ email: string }>('select email from users where id = $1', [
      toUuid(user.id as never),
    ]);
    expect(first?.email).toBe(user.email);
  });

  test('a password change and a half-finished sign-in with the old one: the sign-in fails', async () => {
    for (let round = 0; round < 3; round += 1) {
      const user = await latchkey.user({ email_verified: true });
      const { visitor } = await signInTo(latchkey, user);
      const thief = new Visitor();
      const asked = await thief.submit(await thief.open(steps.url()), { email: user.email });
      const csrf = await tokenOn(visitor, at('/account/password'));
      await Promise.all([
        send(visitor, at('/account/password'), {
          csrf,
          current: user.password,
          password: 'several entirely new words 77',
        }),
        send(thief, asked.url, { ...fieldsOf(asked), password: user.password }),
      ]);
      // Proofs from before the change ended with it; later ones were refused.
      const after = await thief.open(asked.url.replace(/\/password$/, ''));
      expect(codeBack(after), `round ${round}`).toBeNull();
    }
  });

  test('an erased account in the middle of a sign-in: the sign-in cannot continue', async () => {
    const user = await steps.withApp();
    const half = await steps.afterPassword(user);
    await latchkey.app.database.sql(`update users set deletes_at = now() - interval '1 minute' where email = $1`, [
      user.email,
    ]);
    await latchkey.app.closing.purge(10);
    const answer = await half.visitor.submit(half.page, { code: codeOf(user.key) });
    expect([answer.status, new URL(answer.url).pathname.split('/').at(-1)]).toEqual([200, 'login']);
  });

  test('an account deletion and a sign-in: the account is complete or gone', async () => {
    const { visitor, user } = await signInTo(latchkey, await latchkey.user({ email_verified: true }));
    const csrf = await tokenOn(visitor, at('/account/close'));
    await send(visitor, at('/account/close'), { csrf, email: user.email });
    await latchkey.app.database.sql(`update users set deletes_at = now() - interval '1 minute' where email = $1`, [
      user.email,
    ]);
    const thief = new Visitor();
    const asked = await thief.submit(await thief.open(steps.url()), { email: user.email });
    const [answer] = await Promise.all([
      thief.submit(asked, { password: user.password }),
      latchkey.app.closing.purge(10),
    ]);
    expect(answer.status).toBeLessThan(500);
    const [row] = await latchkey.app.database.sql<{ deletes_at: unknown }>(
      'select deletes_at from users where email = $1',
      [user.email],
    );
    if (row) expect(row.deletes_at).toBeNull();
    else
      expect(await latchkey.app.database.sql(`select 1 from oidc_artifact where account_id = $1`, [user.id])).toEqual(
        [],
      );
  });
});

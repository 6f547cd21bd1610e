/** The same code, link or invitation on two nodes at once: one account comes of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { type Node, startNode } from '../../support/nodes.ts';
import { begin, createRequest, freshEmail, newcomer, ownNetworks, strong } from '../../support/registration.ts';
import { formsOf, type Page } from '../../support/visitor.ts';

describe.skipIf(!process.env['TEST_DATABASE_URL'])('fifty registrations at once on two nodes', () => {
  let mails: Mails;
  let latchkey: TestApp;
  let client: TestClient;
  let other: Node;

  beforeAll(async () => {
    mails = await openMails();
    const env = { ...mails.env, ...ownNetworks };
    latchkey = await startTestApp({ env, settings: { 'limits.accountsPerAddress': 1000 } });
    client = await latchkey.client({ first_party: true });
    other = await startNode(latchkey, env);
  });
  afterAll(async () => {
    await other?.stop();
    await latchkey?.close();
    mails?.close();
  });

  test.each(['code', 'link', 'invitation'] as const)('by %s', async (kind) => {
    const visitor = newcomer();
    const email = freshEmail();
    let page: Page;
    let more: Record<string, string> = {};
    if (kind === 'invitation') {
      await latchkey.run('invitations.create', { email });
      page = await visitor.submit(await visitor.open((await mails.next(email)).link));
      more = { name: 'Ada', password: strong };
    } else {
      page = await begin(visitor, createRequest(latchkey, client), { name: 'Ada', email, password: strong });
      const { code, link } = await mails.next(email);
      if (kind === 'link') page = await visitor.open(link);
      else more = { code };
    }
    const [form] = formsOf(page);
    const values = { ...form!.fields, ...more, action: 'continue' };
    const there = { cookie: visitor.cookies(form!.action), origin: latchkey.base, 'sec-fetch-site': 'same-origin' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        if (at % 2 === 0) return (await visitor.request(form!.action, { form: values })).status;
        return (
          await other.send(new URL(form!.action).pathname, { form: values, headers: { ...there, accept: 'text/html' } })
        ).status;
      }),
    );
    // A full queue for hashing is an answer; a fault is none.
    expect(answers.filter((status) => status >= 500 && status !== 503)).toEqual([]);
    const [count] = await latchkey.app.database.sql<{ people: number; events: number }>(
      `select count(*)::int as people, (select count(*)::int from audit_record e where e.type = 'user.registered' and e.details->>'method' = 'password'
         and e.subject_id is not null and e.at >= min(u.created_at)) as events from users u where email = $1`,
      [email],
    );
    expect(count).toEqual({ people: 1, events: 1 });
  });
});

/** Every token fed to every endpoint but its own, the change of an address raced, and secrets looked for where they must not be. */
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { runOperation } from '../../support/operations.ts';
import { openListener } from '#kernel/http/listener.ts';
import { createLog } from '#kernel/log.ts';
import { createApp } from '../../../src/app/app.ts';
import {
  freePort,
  password,
  redirectUri,
  startTestApp,
  type TestApp,
  type TestClient,
  testSecrets,
  type TestUser,
} from '../../support/app.ts';
import { openPglite } from '../../support/database.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { type Node, sender, startNode } from '../../support/nodes.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from '../../support/visitor.ts';

const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
let latchkey: TestApp;
let mails: Mails;
let client: TestClient;
let itself: ReturnType<typeof sender>;
let other: Node;

beforeAll(async () => {
  mails = await openMails();
  latchkey = await startTestApp({ env: mails.env, settings: { 'verification.email': 'required' } });
  client = await latchkey.client({ first_party: true });
  itself = sender(latchkey.base, latchkey.config.port);
  other = onServer ? await startNode(latchkey, mails.env) : { send: itself.send, stop: async () => undefined };
});
afterAll(async () => {
  await other.stop();
  itself.close();
  await latchkey.close();
  mails.close();
});

const start = (base = latchkey.base, relyingParty = client) =>
  authorizeUrl(base, relyingParty, { code_challenge: pkce().challenge });

/** Signs in as far as it goes; `path` is a page of the account or a request of the client. */
async function arrive(visitor: Visitor, url: string, user: Pick<TestUser, 'email' | 'password'>): Promise<Page> {
  let page = await visitor.submit(await visitor.open(url), { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  for (let i = 0; i < 3 && /\/(offer|enrol)-/.test(page.url); i += 1) page = await visitor.submit(page, {}, 'skip');
  return page;
}
const formAt = (page: Page, end: string) => formsOf(page).find(({ action }) => action.endsWith(end))!;
const tokenOf = (link: string): string =>
  new URL(link).searchParams.get('token') ?? link.slice(link.lastIndexOf('/') + 1);
let run = 0;
const fresh = (name: string): string => `${name}${(run += 1)}@crossed.example`;

async function change(visitor: Visitor, base: string, to: string): Promise<Page> {
  return visitor.submit(await visitor.open(`${base}/account/emails/change`), { email: to });
}

describe('a token', () => {
  test('is refused at every endpoint but its own, and works there afterwards', async () => {
    const { base } = latchkey;
    const owner = await latchkey.user({ email_verified: true });
    const visitor = new Visitor();
    const emails = await arrive(visitor, `${base}/account/emails`, owner);
    // Links that an owner may hold at once: a link back, an additional address, another change, a new password, a sign-in.
    const first = fresh('first');
    const changing = await change(visitor, base, first);
    await visitor.submit(changing, { code: (await mails.next(first)).code });
    const revert = (await mails.next(owner.email, /was changed/)).link;
    const [further, wanted] = [fresh('further'), fresh('wanted')];
    const add = formAt(emails, '/emails');
    await visitor.open(add.action, { ...add.fields, email: further });
    const address = (await mails.next(further)).link;
    await change(visitor, base, wanted);
    const changed = (await mails.next(wanted)).link;
    const forgot = new Visitor();
    await forgot.submit(await forgot.open(`${base}/recovery`), { email: first });
    const reset = (await mails.next(first, /new password/)).link;

    const newcomer = await latchkey.user();
    const signingIn = new Visitor();
    const step = await arrive(signingIn, start(), newcomer);
    expect(step.url).toMatch(/\/verify-email$/);
    const verify = (await mails.next(newcomer.email)).link;

    const endpoints: Record<string, { who: Visitor; at: (token: string) => string }> = {
      revert: { who: new Visitor(), at: (t) => `${base}/verification/revert?token=${t}` },
      address: { who: visitor, at: (t) => `${base}/account/emails/confirm/address?token=${t}` },
      changed: { who: visitor, at: (t) => `${base}/account/emails/confirm/change?token=${t}` },
      reset: { who: new Visitor(), at: (t) => `${base}/recovery/link/${t}` },
      verify: { who: signingIn, at: (t) => `${step.url}/link?token=${t}` },
      'not me': { who: new Visitor(), at: (t) => `${base}/not-me?token=${t}` },
      invitation: { who: new Visitor(), at: (t) => `${base}/invitation/${t}` },
      setup: { who: new Visitor(), at: (t) => `${base}/setup/${t}` },
    };
    const tokens: Record<string, string> = {
      ...Object.fromEntries(
        Object.entries({ revert, address, changed, reset, verify }).map(([k, link]) => [k, tokenOf(link)]),
      ),
      uid: new URL(step.url).pathname.split('/')[2]!,
      csrf: formsOf(step)[0]!.fields['csrf']!,
    };
    for (const [kind, token] of Object.entries(tokens))
      for (const [name, { who, at }] of Object.entries(endpoints)) {
        if (kind === name) continue;
        const page = await who.open(at(token));
        const offered = formsOf(page).flatMap(({ buttons }) => buttons.map(({ value }) => value));
        expect([kind, name, offered.includes('confirm'), 'password' in (formsOf(page)[0]?.fields ?? {})]).toEqual([
          kind,
          name,
          false,
          false,
        ]);
        const csrf = formsOf(await who.open(who === visitor ? `${base}/account/emails` : `${base}/recovery`))[0]!
          .fields['csrf']!;
        const answer = await who.request(page.url, {
          form: { csrf, action: 'confirm', password: `${password} x` },
        });
        expect(answer.location ?? '', `${kind} at ${name}`).not.toMatch(/reverted|done|saved/);
      }
    const events = await latchkey.app.database.sql<{ type: string }>(
      `select type from audit_record where subject_id in ($1, $2) and type in
       ('user.email_verified', 'user.email_added', 'user.email_reverted', 'user.password_reset', 'user.locked_by_owner')`,
      [owner.id, newcomer.id],
    );
    expect(events).toEqual([]);

    // None of them was used up by all that.
    expect((await visitor.submit(await visitor.open(address), {}, 'confirm')).url).toContain('done=saved');
    expect((await signingIn.open(verify)).text).toContain(newcomer.email);
    expect((await new Visitor().open(reset)).status).toBe(200);
    expect((await visitor.submit(await visitor.open(changed), {}, 'confirm')).url).toContain('done=saved');
    expect((await new Visitor().open(revert)).text).toContain(owner.email);
  });

  test('of a change is used once by fifty requests at once, on both nodes', async () => {
    const user = await latchkey.user({ email_verified: true });
    const visitor = new Visitor();
    await arrive(visitor, `${latchkey.base}/account/emails`, user);
    const wanted = fresh('race');
    await change(visitor, latchkey.base, wanted);
    const { link } = await mails.next(wanted);
    const page = await visitor.open(link);
    const { fields, action } = formsOf(page)[0]!;
    const { pathname, origin } = new URL(action);
    const headers = { cookie: visitor.cookies(action), origin, 'sec-fetch-site': 'same-origin', accept: 'text/html' };
    const form = { ...fields, action: 'confirm' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? itself : other).send(pathname, { form, headers })),
    );
    expect(answers.filter(({ location }) => location?.search === '?done=saved')).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const changes = await latchkey.app.database.sql(
      `select 1 from audit_record where subject_id = $1 and type = 'user.email_changed'`,
      [user.id],
    );
    expect(changes).toHaveLength(1);
  });

  test('for one address that two users want goes to one of them, on both nodes', async () => {
    const wanted = fresh('both');
    const forms = await Promise.all(
      ['bob', 'dave'].map(async () => {
        const user = await latchkey.user({ email_verified: true });
        const visitor = new Visitor();
        await arrive(visitor, `${latchkey.base}/account/emails`, user);
        const page = await change(visitor, latchkey.base, wanted);
        return { visitor, page };
      }),
    );
    const codes = [(await mails.next(wanted)).code, (await mails.next(wanted)).code];
    // Which mail is whose is not said in them: each tries both codes, one after the other.
    const outcomes = await Promise.all(
      forms.map(async ({ visitor, page }, i) => {
        const { fields, action } = formsOf(page)[0]!;
        const { pathname, origin } = new URL(action);
        const headers = {
          cookie: visitor.cookies(action),
          origin,
          'sec-fetch-site': 'same-origin',
          accept: 'text/html',
        };
        const node = i === 0 ? itself : other;
        for (const code of codes) {
          const { location } = await node.send(pathname, { form: { ...fields, code, action: 'continue' }, headers });
          if (location?.search === '?done=saved') return true;
        }
        return false;
      }),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const holders = await latchkey.app.database.sql('select 1 from users where email_canonical = $1', [wanted]);
    expect(holders).toHaveLength(1);
  });
});

test('no code or token of a mail is in a response, a header, an address or the log', async () => {
  let logged = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  const config = readConfig({ PORT: String(await freePort()), LATCHKEY_SECRETS: testSecrets, ...mails.env });
  const pglite = await openPglite();
  const app = await createApp({ config, log: createLog({ level: 'trace', destination }), clock: systemClock, pglite });
  const listener = await openListener(config, app.callback);
  await app.startJobs();
  const answer = async (name: string, input: unknown) => {
    const ran = await runOperation(app.operations, name, input);
    if (!ran.ok) throw new Error(ran.message);
    return ran.result as Record<string, string>;
  };
  let heard = '';
  class Listening extends Visitor {
    override async request(...given: Parameters<Visitor['request']>): Promise<Page> {
      const page = await super.request(...given);
      // The cookie that keeps a token from the address is out of reach of scripts; everything else counts.
      const headers = [...page.headers].filter(([name]) => name !== 'set-cookie');
      heard += `${page.url.split('?')[0]}\n${page.location ?? ''}\n${JSON.stringify(headers)}\n${page.text}\n`;
      return page;
    }
  }
  const relyingParty = (await answer('clients.create', {
    name: 'Shop',
    type: 'web',
    first_party: true,
    redirect_uris: [redirectUri],
  })) as unknown as TestClient;
  await answer('settings.update', { name: 'verification.email', value: '"required"' });
  const user = { email: fresh('canary'), password };
  await answer('users.create', { ...user });
  const visitor = new Listening();
  const step = await arrive(visitor, start(config.issuer, relyingParty), user);
  const verify = await mails.next(user.email);
  await visitor.open(verify.link);
  await visitor.submit(step, { code: verify.code });
  const wanted = fresh('canary');
  await visitor.open(`${config.issuer}/account/emails`);
  const asked = await change(visitor, config.issuer, wanted);
  const changing = await mails.next(wanted);
  await visitor.open(changing.link);
  await visitor.submit(asked, { code: changing.code });
  const back = await mails.next(user.email, /was changed/);
  const old = new Listening();
  await old.submit(await old.open(back.link), {}, 'confirm');
  await listener.close(0);
  await app.close();
  await pglite.close();

  expect(heard).toContain('/verification/reverted');
  const links = [verify, changing, back].map(({ link }) => tokenOf(link));
  // A long text is searched fast for the secret alone; a pattern looks at the lines that have it.
  const linesWith = (text: string, secret: string) => text.split('\n').filter((line) => line.includes(secret));
  for (const secret of links) expect(secret).toMatch(/^[\w-]{43}$/);
  for (const secret of [...links, verify.code, changing.code]) {
    expect(
      linesWith(heard, secret).filter((line) => new RegExp(`(^|[^0-9A-Za-z])${secret}([^0-9A-Za-z]|$)`).test(line)),
    ).toEqual([]);
    expect(
      linesWith(logged, secret).filter((line) => new RegExp(`(^|[^0-9A-Za-z.:])${secret}([^0-9A-Za-z]|$)`).test(line)),
    ).toEqual([]);
  }
});

/** Codes guessed, replayed and raced, against one process and against two. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { codeBack, codeOf, walk } from '../../support/mfa.ts';
import { basic, type Node, type Send, sender, startNode } from '../../support/nodes.ts';
import { formsOf, type Page, type Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;
let second: Node | undefined;
let own: ReturnType<typeof sender>;

beforeAll(async () => {
  latchkey = await startTestApp({
    settings: { 'limits.passwordFailuresPerAddress': 100_000, 'limits.secondFactorFreeFailures': 5 },
  });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
  own = sender(latchkey.config.issuer, latchkey.config.port);
  if (process.env['TEST_DATABASE_URL']) second = await startNode(latchkey);
});
afterAll(async () => {
  own.close();
  await second?.stop();
  await latchkey.close();
});

type Half = { visitor: Visitor; page: Page };
const halves = (user: Pick<TestUser, 'email' | 'password'>, count: number): Promise<Half[]> =>
  Promise.all(Array.from({ length: count }, () => steps.afterPassword(user)));

/** Posts a code to each node in turn, all at once; answers where each led. */
function race(half: readonly Half[], count: number, codeFor: (i: number) => string) {
  const nodes: Send[] = [own.send, ...(second ? [second.send] : [])];
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const { visitor, page } = half[i % half.length]!;
      const { csrf = '' } = formsOf(page)[0]?.fields ?? {};
      const answer = await nodes[i % nodes.length]!(new URL(page.url).pathname, {
        form: { csrf, code: codeFor(i), action: 'continue' },
        headers: {
          accept: 'text/html',
          cookie: visitor.cookies(page.url),
          origin: latchkey.base,
          'sec-fetch-site': 'same-origin',
        },
      });
      return { half: half[i % half.length]!, status: answer.status };
    }),
  );
}

const reasons = async ({ id }: Pick<TestUser, 'id'>): Promise<Record<string, number>> => {
  const rows = await latchkey.app.database.sql<{ reason: string }>(
    `select details->>'reason' as reason from audit_record where type = 'user.second_factor_failed' and subject_id = $1`,
    [id],
  );
  return Object.fromEntries(
    ['wrong', 'throttled'].map((reason) => [reason, rows.filter((row) => row.reason === reason).length]),
  );
};

/** How many of these sign-ins got a code for the relying party. */
async function finished(half: readonly Half[]): Promise<number> {
  const ends = await Promise.all(
    half.map(({ visitor, page }) => visitor.open(page.url.replace(/\/second-factor.*/, ''))),
  );
  return ends.filter((end) => codeBack(end) !== null).length;
}

const raised = async (work: () => Promise<void>): Promise<void> => {
  const set = (value: number) =>
    latchkey.run('settings.update', { name: 'limits.secondFactorFreeFailures', value: String(value) });
  await set(1000);
  await work().finally(() => set(5));
};

describe('one code', () => {
  test(
    'from an app, sent fifty times at once from ten sign-ins, completes one of them',
    () =>
      raised(async () => {
        const { key, ...user } = await steps.withApp();
        const half = await halves(user, 10);
        const code = codeOf(key);
        await race(half, 50, () => code);
        expect(await finished(half)).toBe(1);
      }),
    60_000,
  );

  test(
    'for recovery, sent fifty times at once from ten sign-ins, completes one of them',
    () =>
      raised(async () => {
        const { key: _key, ...user } = await steps.withApp();
        const [code = ''] = await steps.withRecoveryCodes(user);
        const half = (await halves(user, 10)).map(({ visitor, page }) => ({
          visitor,
          page: { ...page, url: page.url.replace('/totp', '/recovery-code') },
        }));
        await race(half, 50, () => code);
        expect(await finished(half)).toBe(1);
        expect(await latchkey.app.credentials.recoveryCodes.find(user.id as never)).toMatchObject({ left: 9 });
      }),
    60_000,
  );

  test('from an app is refused in another browser a moment later', async () => {
    const { key, ...user } = await steps.withApp();
    const [one, other] = await halves(user, 2);
    const code = codeOf(key);
    expect(codeBack(await one!.visitor.submit(one!.page, { code }))).not.toBeNull();
    expect((await other!.visitor.submit(other!.page, { code })).isRefused).toBe(true);
  });
});

describe('guesses', () => {
  test('two hundred at once, the right one among them: five are compared', async () => {
    const { key, ...user } = await steps.withApp();
    const half = await halves(user, 4);
    const right = codeOf(key);
    await race(half, 200, (i) => (i === 199 ? right : String(i).padStart(6, '9')));
    const { wrong, throttled } = await reasons(user);
    expect(wrong).toBe(5);
    expect(throttled).toBe(195);
    expect(await finished(half)).toBe(0);
  }, 60_000);

  test('are limited to five in all, across new sign-ins', async () => {
    const { key: _key, ...user } = await steps.withApp();
    await steps.withRecoveryCodes(user);
    for (let round = 0; round < 4; round += 1) {
      const { visitor, page } = await steps.afterPassword(user);
      const paper = await visitor.open(page.url.replace('/totp', '/recovery-code'));
      await visitor.submit(page, { code: `00000${round}` });
      await visitor.submit(paper, { code: 'k7mv2-qxhr4-tdw9p' });
    }
    expect(await reasons(user)).toEqual({ wrong: 5, throttled: 3 });
  });
});

test('no grant of the token endpoint accepts a password or a code of a user', async () => {
  const { key, ...user } = await steps.withApp();
  for (const grant_type of ['password', 'urn:latchkey:otp', 'http://auth0.com/oauth/grant-type/mfa-otp']) {
    const form = { grant_type, username: user.email, password: user.password, otp: codeOf(key) };
    const answer = await own.send('/oidc/token', { form, headers: basic(client) });
    expect([answer.status, answer.body['error']]).toEqual([400, 'unsupported_grant_type']);
  }
});

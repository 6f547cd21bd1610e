import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../support/app.ts';
import { type Answer, basic, type Node, sender, startNode } from '../support/nodes.ts';
import { proofFor, proofKey } from '../support/proof.ts';
import { authorizeUrl, pkce, Visitor } from '../support/visitor.ts';

/**
 * On PostgreSQL two processes of the product race each other; on the embedded database one races itself, less long.
 * `RACE_ROUNDS=1000` races longer, for changes of the storage.
 */
const onServer = process.env['TEST_DATABASE_URL'] !== undefined;
const ROUNDS = Number(process.env['RACE_ROUNDS'] ?? (onServer ? 100 : 24));
const SESSIONS = onServer ? 16 : 4;
/** Requests of one round, half of them to each node. */
const RACERS = 4;
/** After this time nothing of a family whose reuse was detected may work anywhere. */
const DEAD_AFTER = 1000;
const MINUTES = 5 * 60_000;

let latchkey: TestApp;
let nodes: Node[];
let client: TestClient;
type Browser = { visitor: Visitor; user: TestUser };
let browsers: Browser[];

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.clientFailuresPerAddress': 1_000_000 } });
  if (onServer) nodes = await Promise.all([startNode(latchkey), startNode(latchkey)]);
  else {
    const { send, close } = sender(latchkey.base, latchkey.config.port);
    const itself = { send, stop: async () => close() };
    nodes = [itself, itself];
  }
  client = await latchkey.client({
    first_party: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  });
  browsers = [];
  for (let i = 0; i < SESSIONS; i += 1) browsers.push(await signedInBrowser());
}, MINUTES);
afterAll(async () => {
  await Promise.all([...new Set(nodes)].map((node) => node.stop()));
  await latchkey.close();
});

async function signedInBrowser(): Promise<Browser> {
  const [visitor, user] = [new Visitor(), await latchkey.user()];
  await visitor.signIn(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }), user);
  return { visitor, user };
}

const nodeOf = (n: number): Node => nodes[n % nodes.length]!;
const token = (n: number, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  nodeOf(n).send('/oidc/token', { form, headers: { ...basic(client), ...headers } });

/** The same request from everybody at once, on both nodes. */
const race = (one: (n: number) => Promise<Answer>, racers = RACERS): Promise<Answer[]> =>
  Promise.all(Array.from({ length: racers }, (_, n) => one(n)));

const refresh = (n: number, value: string): Promise<Answer> =>
  token(n, { grant_type: 'refresh_token', refresh_token: value });

/** The refresh token that every answer contains; each has an access token of its own. */
function onlySuccessor(answers: readonly Answer[]): string {
  expect(refusals(answers)).toEqual([]);
  expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(answers.length);
  const successors = [...new Set(answers.map(({ body }) => body.refresh_token))];
  expect(successors).toEqual([expect.stringMatching(/^lk_rt_/)]);
  return successors[0]!;
}

type Code = { code: string; verifier: string };

async function codeFor({ visitor }: Browser, n: number): Promise<Code> {
  const { verifier, challenge } = pkce();
  const { pathname, search, href } = new URL(
    authorizeUrl(latchkey.base, client, { prompt: 'none', code_challenge: challenge }),
  );
  const { location } = await nodeOf(n).send(pathname + search, { headers: { cookie: visitor.cookies(href) } });
  const code = location?.searchParams.get('code');
  if (!code) throw new Error(`no code: ${location?.href}`);
  return { code, verifier };
}

/** `offline_access` is given to those alone who are asked for it (OpenID Connect Core §11), so this takes a page. */
async function offlineCodeFor({ visitor, user }: Browser): Promise<Code> {
  const { verifier, challenge } = pkce();
  const url = authorizeUrl(latchkey.base, client, {
    prompt: 'consent',
    scope: 'openid offline_access',
    code_challenge: challenge,
  });
  return { code: (await visitor.signIn(url, user)).get('code') ?? '', verifier };
}

const exchange = ({ code, verifier }: Code, n: number): Promise<Answer> =>
  token(n, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: client.redirect_uris[0] ?? '',
  });

async function isActive(value: string, n: number): Promise<boolean> {
  const { body } = await nodeOf(n).send('/oidc/introspect', { form: { token: value }, headers: basic(client) });
  return body['active'] === true;
}

/** Which of these still work on which node; nothing may, once its time is over. */
async function stillWorking(tokens: readonly string[], since: number): Promise<string[]> {
  for (;;) {
    const isLast = performance.now() - since > DEAD_AFTER;
    const active = await Promise.all(
      tokens.flatMap((value) =>
        [0, 1].map(async (n) => ((await isActive(value, n)) ? `${value.slice(0, 6)} on ${n}` : null)),
      ),
    );
    const working = active.filter((found) => found !== null);
    if (working.length === 0 || isLast) return working;
  }
}

/** All rounds, each browser one after the other: a reuse that is detected ends the grant that its next round would share. */
async function rounds(one: (browser: Browser, n: number) => Promise<void>): Promise<void> {
  let left = ROUNDS;
  const outcomes = await Promise.allSettled(
    browsers.map(async (browser) => {
      try {
        while (left > 0) await one(browser, (left -= 1));
      } catch (error) {
        // Nobody races on into the next test.
        left = 0;
        throw error;
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

const won = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status === 200);
const refusals = (answers: readonly Answer[]): unknown[] =>
  answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${String(body['error'])}`);
const refusedTimes = (error: string): string[] => Array.from({ length: RACERS - 1 }, () => `400 ${error}`);

describe(`${ROUNDS} times ${RACERS} at once ${onServer ? 'on two nodes' : 'on one node'}`, () => {
  test(
    'one redemption of one code wins, and its tokens do not work afterwards (RFC 6749 §4.1.2)',
    async () => {
      await rounds(async (browser, n) => {
        const code = await codeFor(browser, n);
        const answers = await race((racer) => exchange(code, racer));
        const end = performance.now();
        expect(refusals(answers)).toEqual(refusedTimes('invalid_grant'));
        const [{ body }] = won(answers) as [Answer];
        expect(await stillWorking([body.access_token], end)).toEqual([]);
      });
    },
    MINUTES,
  );

  test(
    'all uses of a refresh token have one successor; a replay after its use ends the family (RFC 9700 §4.14.2)',
    async () => {
      await rounds(async (browser, n) => {
        const first = await exchange(await offlineCodeFor(browser), n);
        expect(first.body.refresh_token).toMatch(/^lk_rt_/);
        const answers = await race((racer) => refresh(racer, first.body.refresh_token));
        const successor = onlySuccessor(answers);
        const next = await refresh(n, successor);
        expect(next.status).toBe(200);
        const replay = await refresh(n + 1, first.body.refresh_token);
        const end = performance.now();
        expect(replay.body['error']).toBe('invalid_grant');
        const family = [first, answers[0]!, answers[1]!, next].map(({ body }) => body.access_token);
        expect(await stillWorking([...family, next.body.refresh_token], end)).toEqual([]);
        expect((await refresh(n, next.body.refresh_token)).body['error']).toBe('invalid_grant');
      });
    },
    MINUTES,
  );

  test('two hundred uses of a refresh token at once have one successor, each an access token of the same grant', async () => {
    const { body } = await exchange(await offlineCodeFor(browsers[0]!), 0);
    const answers = await race((racer) => refresh(racer, body.refresh_token), 200);
    const successor = onlySuccessor(answers);
    const accessTokens = answers.map((answer) => answer.body.access_token);
    const active = () => Promise.all(accessTokens.map((value, n) => isActive(value, n)));
    expect(await active()).toEqual(accessTokens.map(() => true));
    await nodeOf(0).send('/oidc/revoke', { form: { token: successor }, headers: basic(client) });
    expect(await stillWorking(accessTokens, performance.now())).toEqual([]);
  });

  test(
    'one use of a DPoP proof wins (RFC 9449 §11.1)',
    async () => {
      const key = await proofKey();
      await rounds(async () => {
        const dpop = await proofFor(key, 'POST', `${latchkey.base}/oidc/token`);
        const answers = await race((racer) => token(racer, { grant_type: 'client_credentials' }, { dpop }));
        expect(refusals(answers)).toEqual(refusedTimes('invalid_grant'));
      });
    },
    MINUTES,
  );

  test(
    'one use of a pushed request gets a code (RFC 9126 §4)',
    async () => {
      await rounds(async ({ visitor }, n) => {
        const form = {
          client_id: client.client_id,
          redirect_uri: client.redirect_uris[0] ?? '',
          response_type: 'code',
          code_challenge: pkce().challenge,
          code_challenge_method: 'S256',
          scope: 'openid',
          prompt: 'none',
        };
        const cookie = visitor.cookies(`${latchkey.base}/oidc/auth`);
        const pushed = await nodeOf(n).send('/oidc/par', { form, headers: basic(client) });
        const query = new URLSearchParams({
          client_id: client.client_id,
          request_uri: String(pushed.body['request_uri']),
        });
        const answers = await race((racer) =>
          nodeOf(racer).send(`/oidc/auth?${query.toString()}`, { headers: { cookie } }),
        );
        const codes = answers
          .map(({ location }) => location?.searchParams.get('code'))
          .filter((code) => typeof code === 'string');
        expect(codes).toHaveLength(1);
        expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
      });
    },
    MINUTES,
  );
});

describe('a token that both nodes loaded a moment ago', () => {
  const ways: readonly (readonly [string, () => Promise<string>])[] = [
    ['of a person', async () => (await exchange(await offlineCodeFor(browsers[0]!), 0)).body.access_token],
    ['of a machine', async () => (await token(0, { grant_type: 'client_credentials' })).body.access_token],
  ];

  test.each(ways)(
    '%s is invalid here at once and everywhere within a second after its revocation',
    async (_whose, issue) => {
      for (let round = 0; round < 5; round += 1) {
        const value = await issue();
        expect(await Promise.all([isActive(value, 0), isActive(value, 1)])).toEqual([true, true]);
        await nodeOf(0).send('/oidc/revoke', { form: { token: value }, headers: basic(client) });
        const end = performance.now();
        expect(await isActive(value, 0)).toBe(false);
        expect(await stillWorking([value], end)).toEqual([]);
      }
    },
  );
});

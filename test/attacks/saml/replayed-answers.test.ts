/** Answers that come again, in another browser, in another order, or at another node: each signs in once, where it was asked for. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Redis } from 'ioredis';
import { MINUTE } from '#kernel/clock.ts';
import { travel } from '../../support/account.ts';
import { type Answer, type Node, sender, startNode } from '../../support/nodes.ts';
import { newcomer, ownNetworks } from '../../support/registration.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { requestIn, samlForm, type SamlRequest } from '../../support/saml-provider.ts';
import type { Page, Visitor } from '../../support/visitor.ts';

const TIMES = 20;
let it: SamlFederation;
/** On PostgreSQL another process of the product; the embedded database has one. */
let other: Node;
let here: ReturnType<typeof sender>;
beforeAll(async () => {
  it = await startSamlFederation();
  here = sender(it.latchkey.base, it.latchkey.config.port);
  other =
    process.env['TEST_DATABASE_URL'] === undefined
      ? { send: here.send, stop: () => Promise.resolve() }
      : await startNode(it.latchkey, ownNetworks);
});
afterAll(async () => {
  await other.stop();
  here.close();
  await it.close();
});
afterEach(() => void vi.useRealTimers());

const isDone = ({ location }: Pick<Page, 'location'>): boolean => location?.includes('code=') ?? false;
const acs = '/saml/acme/acs';
/** The same request many times at once, each second one to the other node. */
const atOnce = (send: (node: Pick<Node, 'send'>) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: TIMES }, (_, at) => send(at % 2 === 0 ? here : other)));
const statuses = (answers: readonly Answer[]): number[] =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);
const oneOf = (good: number, refused: number): number[] => [good, ...Array(TIMES - 1).fill(refused)];
async function count(type: string, reason?: string): Promise<number> {
  const [row] = await it.latchkey.app.database.sql<{ n: number }>(
    `select count(*)::int as n from audit_record where type = $1 and ($2::text is null or details ->> 'reason' = $2)`,
    [type, reason ?? null],
  );
  return row?.n ?? 0;
}

/** A browser at the provider, and the answer for it. */
async function answered(visitor = newcomer(), person = samlPerson()) {
  const request = await it.asked(visitor);
  return { visitor, request, person, xml: await it.idp.answer(request, person) };
}
/** A browser at the provider: its session, if it has one, leads there at once; another one presses the button. */
async function askedAgain(visitor: Visitor): Promise<SamlRequest> {
  const page = await it.begin(visitor, { prompt: 'login' });
  return requestIn(page.location ?? (await it.press(visitor, page)).location ?? '');
}
const keep = async (xml: string, { relayState }: SamlRequest): Promise<string> =>
  (await it.post(xml, relayState)).location ?? '';

describe('the same answer many times at once, at all nodes,', () => {
  test('is kept once, and signs in once', async () => {
    const { visitor, request, person, xml } = await answered();
    const answers = await atOnce((node) => node.send(acs, { form: samlForm(xml, request.relayState) }));
    expect(statuses(answers)).toEqual(oneOf(303, 410));
    const { location } = answers.find(({ status }) => status === 303)!;
    const before = await count('user.signed_in');
    const headers = { cookie: visitor.cookies(location!.href) };
    const arrivals = await atOnce((node) => node.send(location!.pathname + location!.search, { headers }));
    expect(statuses(arrivals)).toEqual(Array(TIMES).fill(303));
    expect(await count('user.signed_in')).toBe(before + 1);
    const users = await it.latchkey.app.database.sql('select 1 from users where email_canonical = $1', [person.email]);
    const identities = await it.latchkey.app.database.sql('select 1 from user_identity where subject = $1', [
      person.nameId.value,
    ]);
    expect([users.length, identities.length]).toEqual([1, 1]);
  });

  test('counts once where it comes without a request', async () => {
    await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: true });
    const request = { ...(await it.asked(newcomer())), id: '', relayState: '' };
    const xml = await it.idp.answer(request, samlPerson(), { inResponseTo: null });
    const before = await count('user.sign_in_failed', 'replayed');
    const answers = await atOnce((node) => node.send(acs, { form: samlForm(xml, 'https://evil.example') }));
    expect(statuses(answers)).toEqual(oneOf(303, 410));
    expect(await count('user.sign_in_failed', 'replayed')).toBe(before + TIMES - 1);
    if (it.latchkey.config.redisUrl) {
      const redis = new Redis(it.latchkey.config.redisUrl);
      await redis.flushdb();
      redis.disconnect();
    }
    expect((await it.post(xml, '')).status).toBe(410);
    await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: false });
  });
});

describe('the same answer later', () => {
  test('is worth nothing to a new request of the same browser, nor of another one', async () => {
    const { visitor, request, xml } = await answered();
    expect(isDone(await visitor.open(await keep(xml, request)))).toBe(true);
    for (const next of [visitor, newcomer()]) {
      const kept = await it.post(xml, (await askedAgain(next)).relayState);
      expect(isDone(await next.open(kept.location ?? ''))).toBe(false);
      expect(await it.lastRefusal()).toBe('in_response_to');
    }
  });

  test('is worth nothing where it was refused for another reason', async () => {
    const { visitor, request, xml } = await answered();
    const kept = await keep(xml, request);
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: false });
    expect(isDone(await visitor.open(kept))).toBe(false);
    await it.latchkey.run('connections.update', { connection: 'acme', enabled: true });
    expect(isDone(await visitor.open(kept))).toBe(false);
    expect((await it.post(xml, request.relayState)).status).toBe(410);
  });
});

describe('answers for two browsers', () => {
  const orders = [
    ['the first one first', (both: readonly [number, number]) => both],
    ['the second one first', ([first, second]: readonly [number, number]) => [second, first] as const],
  ] as const;
  const two = () => Promise.all([answered(), answered()]);

  test.each(orders)('that are exchanged at the provider sign in neither (%s)', async (_title, order) => {
    const both = await two();
    const mixed = [await keep(both[0].xml, both[1].request), await keep(both[1].xml, both[0].request)] as const;
    for (const at of order([0, 1])) {
      const owner = both[1 - at]!;
      expect(isDone(await owner.visitor.open(mixed[at]!))).toBe(false);
      expect(await it.lastRefusal()).toBe('in_response_to');
    }
  });

  test.each(orders)('that are exchanged on the way back sign in only where they belong (%s)', async (_title, order) => {
    const both = await two();
    const kept = [await keep(both[0].xml, both[0].request), await keep(both[1].xml, both[1].request)] as const;
    for (const at of order([0, 1])) expect(isDone(await both[1 - at]!.visitor.open(kept[at]!))).toBe(false);
    for (const at of order([0, 1])) expect(isDone(await both[at]!.visitor.open(kept[at]!))).toBe(true);
    const subjects = await Promise.all(both.map(({ visitor }) => subjectOf(visitor)));
    expect(subjects).toEqual(both.map(({ person }) => person.email));
  });

  test.each(orders)('of one browser, in two tabs, go on where each was asked for (%s)', async (_title, order) => {
    const visitor = newcomer();
    const person = samlPerson();
    const both = [await answered(visitor, person), await answered(visitor, person)] as const;
    for (const at of order([0, 1])) {
      const { xml, request } = both[at]!;
      expect(isDone(await visitor.open(await keep(xml, request)))).toBe(true);
    }
  });
});

/** The address of the account in which a browser is. */
async function subjectOf(visitor: Visitor): Promise<string> {
  const { text } = await visitor.open(`${it.latchkey.base}/account`);
  return /saml-\d+@fernway\.example/.exec(text.replaceAll(/<[^>]+>/g, ''))?.[0] ?? '';
}

// The last one: later events would be older than its own.
test('an answer may count when it was only too early before, and then once', async () => {
  await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: true });
  const request = { ...(await it.asked(newcomer())), id: '', relayState: '' };
  const assertion = { notBefore: new Date(Date.now() + 3 * MINUTE) };
  const xml = await it.idp.answer(request, samlPerson(), { inResponseTo: null, assertion });
  expect((await it.post(xml, '')).status).toBe(410);
  expect(await it.lastRefusal()).toBe('not_yet_valid');
  travel(4 * MINUTE);
  expect((await it.post(xml, '')).status).toBe(303);
  expect((await it.post(xml, '')).status).toBe(410);
  expect(await it.lastRefusal()).toBe('replayed');
  // The window of the message ends before it is forgotten that it was used.
  travel(11 * MINUTE);
  await it.latchkey.app.database.sql('delete from used_upstream_state');
  expect((await it.post(xml, '')).status).toBe(410);
  expect(await it.lastRefusal()).toBe('issue_instant');
  await it.latchkey.run('connections.update', { connection: 'acme', allows_unsolicited: false });
});

/** Answers that no authenticator of ours gave, or not here, or not now (WAN), sent to the pages of a sign-in. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { MINUTE } from '#kernel/clock.ts';
import { startTestApp, type TestApp, type TestUser } from '../../support/app.ts';
import { Authenticator, FLAGS, type Lies } from '../../support/authenticator.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let visits: ReturnType<typeof passkeyVisits>;
let alice: TestUser;
let alices: Authenticator;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 100_000 } });
  visits = passkeyVisits(latchkey, await latchkey.client({ first_party: true }));
});
afterAll(() => latchkey.close());
beforeEach(async () => {
  [alice, alices] = await personWithPasskey();
});
afterEach(() => vi.useRealTimers());

async function personWithPasskey(kind: ConstructorParameters<typeof Authenticator>[0] = {}) {
  const [user, authenticator] = [await latchkey.user(), new Authenticator(kind)];
  expect(visits.codeIn(await visits.enrol(user, authenticator))).not.toBeNull();
  return [user, authenticator] as const;
}

const send = (visitor: Visitor, page: Page, credential: string) => visitor.submit(page, { credential });
const signedBy = (page: Page, authenticator: Authenticator, lies: Lies = {}) =>
  authenticator.get(optionsOn(page), latchkey.base, lies);

/** Refused, no code, and no session that another request could go on with. */
async function expectRefused(visitor: Visitor, page: Page): Promise<void> {
  expect(page.isRefused).toBe(true);
  const again = await visitor.open(visits.start({ prompt: 'none' }));
  expect(new URL(again.location ?? '').searchParams.get('error')).toBe('login_required');
}

async function stored(): Promise<{ count: number; flagged: boolean }> {
  const [row] = await latchkey.app.database.sql<{ count: number; flagged: boolean }>(
    `select p.sign_count::int as count, flagged_at is not null as flagged
     from passkey p join users u on u.id = p.user_id where u.email = $1`,
    [alice.email],
  );
  return row!;
}

describe('a response that was used before', () => {
  test('is refused everywhere, and of many at once one succeeds', async () => {
    const [visitor, other] = [new Visitor(), new Visitor()];
    const page = await visits.atPasskey(visitor);
    const captured = signedBy(page, alices);
    const elsewhere = await visits.atPasskey(other);
    expect(visits.codeIn(await send(visitor, page, captured))).not.toBeNull();
    const here = new Visitor();
    await expectRefused(here, await send(here, await visits.atPasskey(here), captured));
    await expectRefused(other, await send(other, elsewhere, captured));

    const racer = new Visitor();
    const race = await visits.atPasskey(racer);
    const answer = signedBy(race, alices);
    const fields = { csrf: visits.csrfOf(race), credential: answer };
    const answers = await Promise.all(Array.from({ length: 50 }, () => racer.request(race.url, { form: fields })));
    expect(answers.filter(({ status }) => status === 303).length).toBeGreaterThanOrEqual(1);
    const [{ uses }] = (await latchkey.app.database.sql<{ uses: number }>(
      'select sign_count::int as uses from passkey p join users u on u.id = p.user_id where u.email = $1',
      [alice.email],
    )) as [{ uses: number }];
    expect(uses).toBe(alices.credentials[0]!.signCount);
    expect(await stored()).toMatchObject({ flagged: false });
  });

  test('to the challenge of another browser is refused in both', async () => {
    const [mallory, victim] = [new Visitor(), new Visitor()];
    const [mallorys, victims] = [await visits.atPasskey(mallory), await visits.atPasskey(victim)];
    const lured = signedBy(mallorys, alices);
    await expectRefused(victim, await send(victim, victims, lured));
    await expectRefused(mallory, await send(mallory, mallorys, lured));
  });
});

describe('a response made elsewhere or without its owner', () => {
  const bases = (): Record<string, Lies> => {
    const { host, hostname, port } = new URL(latchkey.base);
    return {
      'another port': { origin: `http://${hostname}:${Number(port) + 1}` },
      'another scheme': { origin: `https://${host}` },
      'a longer host': { origin: `http://${hostname}.evil.test:${port}` },
      'a host below': { origin: `http://sub.${host}` },
      'no origin': { origin: 'null' },
      'a page of another site around it': { crossOrigin: true, topOrigin: 'https://evil.test' },
      'a frame that names no page': { crossOrigin: true },
      'another relying party': { rpId: 'evil.test' },
      'the type of an enrolment': { type: 'webauthn.create' },
      'nobody there': { flags: (flags) => flags & ~FLAGS.up },
      'nobody recognized': { flags: (flags) => flags & ~FLAGS.uv },
      'a backup of what has none': { flags: (flags) => flags | FLAGS.bs },
      'a key in it': { flags: (flags) => flags | FLAGS.at },
      'a flipped bit': {
        signature: (bytes) => Buffer.from(bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte))),
      },
      'no signature': { signature: () => Buffer.alloc(0) },
      'another raw id': { rawId: 'AAAA' },
      'data cut short': { authenticatorData: (data) => data.subarray(0, 30) },
      'data with a tail': { authenticatorData: (data) => Buffer.concat([data, Buffer.from([0xa0])]) },
    };
  };
  test('is refused, creates no session and counts nothing', async () => {
    const before = await stored();
    for (const [name, lies] of Object.entries(bases())) {
      const visitor = new Visitor();
      const page = await visits.atPasskey(visitor);
      const answer = await send(visitor, page, signedBy(page, alices, lies));
      expect(answer.isRefused, name).toBe(true);
      await expectRefused(visitor, answer);
      expect(await stored(), name).toEqual(before);
    }
  });

  test('is refused after five minutes', async () => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    const answer = signedBy(page, alices);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5 * MINUTE + 16_000 });
    await expectRefused(visitor, await send(visitor, page, answer));
  });

  test('of 70 KiB is not even read', async () => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    const long = { ...(JSON.parse(signedBy(page, alices)) as object), padding: 'x'.repeat(70 * 1024) };
    expect((await send(visitor, page, JSON.stringify(long))).status).toBe(413);
  });
});

describe('another user’s passkey', () => {
  test('does not sign in alice', async () => {
    const [, mallorys] = await personWithPasskey();
    const { userHandle } = alices.credentials[0]!;
    const allowAll = (page: Page) => ({ ...(optionsOn(page) as object), allowCredentials: [] }) as never;
    const visitor = new Visitor();
    for (const lies of [{}, { userHandle }, { userHandle: null }]) {
      const page = await visits.atPasskey(visitor, alice.email);
      await expectRefused(visitor, await send(visitor, page, mallorys.get(allowAll(page), latchkey.base, lies)));
    }
    const discoverable = await visits.atPasskey(visitor);
    await expectRefused(visitor, await send(visitor, discoverable, signedBy(discoverable, mallorys, { userHandle })));
  });

  test('is not a second factor for alice', async () => {
    const [, mallorys] = await personWithPasskey();
    const visitor = new Visitor();
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:3' } } });
    const first = await visitor.open(visits.start({ claims }));
    const page = await visitor.submit(await visitor.submit(first, { email: alice.email }), {
      password: alice.password,
    });
    expect(page.url).toMatch(/\/second-factor\/passkey$/);
    const options = { ...(optionsOn(page) as object), allowCredentials: [] } as never;
    await expectRefused(visitor, await send(visitor, page, mallorys.get(options, latchkey.base)));
  });

  test('cannot be registered under alice’s credential id', async () => {
    const mallory = await latchkey.user();
    const page = await visits.enrol(mallory, new Authenticator(), {
      id: alices.credentials[0]!.id.toString('base64url'),
    });
    expect(page.isRefused).toBe(true);
    const visitor = new Visitor();
    const own = await visits.atPasskey(visitor);
    expect(visits.codeIn(await send(visitor, own, signedBy(own, alices)))).not.toBeNull();
  });

  test.each([-65535, -35, -47])('cannot be enrolled with an algorithm that was not offered: %i', async (algorithm) => {
    expect((await visits.enrol(await latchkey.user(), new Authenticator(), { algorithm })).isRefused).toBe(true);
  });
});

describe('a clone of a passkey', () => {
  test.each([9, 10, 0])('with counter %i after 10 is stopped, and the original with it', async (signCount) => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    expect(visits.codeIn(await send(visitor, page, signedBy(page, alices, { signCount: 10 })))).not.toBeNull();
    const copy = new Visitor();
    const second = await visits.atPasskey(copy);
    await expectRefused(copy, await send(copy, second, signedBy(second, alices, { signCount })));
    expect(await stored()).toEqual({ count: 10, flagged: true });
    const rows = await latchkey.app.database.sql(
      `select 1 from audit_record where type = 'user.passkey_flagged' and subject_id = $1`,
      [alice.id],
    );
    expect(rows).toHaveLength(1);
  });
});

describe('a session with one of two factors', () => {
  test('adds no passkey: neither before a proof nor while a second one is missing', async () => {
    const [user] = await personWithPasskey();
    const visitor = new Visitor();
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:3' } } });
    const first = await visitor.open(visits.start({ claims }));
    const half = await visitor.submit(await visitor.submit(first, { email: user.email }), { password: user.password });
    const fields = { csrf: visits.csrfOf(half), credential: '{}' };
    for (const path of ['offer-passkey', 'enrol-factor/passkey']) {
      const url = first.url.replace(/login$/, path);
      expect((await visitor.open(url)).url).toBe(half.url);
      expect((await visitor.open(url, fields)).url).toBe(half.url);
    }
  });
});

/** The page that asks whether this is your device: every form answers 303, and the page says each time how the request stands. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, type TokenAnswer, Visitor } from '../../support/visitor.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const MINUTE = 60_000;

let latchkey: TestApp;
let tv: TestClient;
let web: TestClient;
let user: TestUser;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.userCodeFailures': 100_000 } });
  [web, user] = [await latchkey.client({ first_party: true }), await latchkey.user()];
});
beforeEach(async () => {
  tv = await newTelevision();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => latchkey.close());

type Asked = { device_code: string; user_code: string; verification_uri_complete: string };
type Shown = { asked: Asked; visitor: Visitor; page: Page };

const newTelevision = (more: Record<string, unknown> = {}) =>
  latchkey.client({ name: 'Lantern TV', type: 'native', redirect_uris: [], grant_types: [DEVICE], ...more });
const ask = async (): Promise<Asked> =>
  (await post(`${latchkey.base}/oidc/device/auth`, tv, { scope: 'openid email' })).body as unknown as Asked;
const poll = ({ device_code }: Asked): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, tv, { grant_type: DEVICE, device_code });
const hears = async (asked: Asked): Promise<string> => {
  const { status, body } = await poll(asked);
  return status === 200 ? 'tokens' : body.error;
};
const travel = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });

async function signedIn(who = user): Promise<Visitor> {
  const visitor = new Visitor();
  await visitor.signIn(authorizeUrl(latchkey.base, web, { code_challenge: pkce().challenge }), who);
  return visitor;
}
const codePage = (visitor: Visitor): Promise<Page> => visitor.open(`${latchkey.base}/oidc/device`);
const enter = async (visitor: Visitor, { user_code }: Asked): Promise<Page> =>
  visitor.submit(await codePage(visitor), { user_code });
/** On the page that asks whether this is your device. */
async function confirming(visitor = new Visitor()): Promise<Shown> {
  const asked = await ask();
  return { asked, visitor, page: await enter(visitor, asked) };
}
/** Sends the form with this button, and follows nothing. */
async function press(visitor: Visitor, page: Page, action: 'confirm' | 'abort' | 'continue'): Promise<Page> {
  const [form] = formsOf(page);
  return visitor.request(form!.action, { form: { ...form!.fields, action } });
}
/** Signs in where asked, and allows it. */
async function finish(visitor: Visitor, from: Page, { email, password } = user): Promise<Page> {
  let page = from;
  for (let pages = 0; pages < 5; pages += 1) {
    const [form] = formsOf(page);
    if (!form) return page;
    if ('password' in form.fields) page = await visitor.submit(page, { password });
    else if ('email' in form.fields) page = await visitor.submit(page, { email });
    else if (form.buttons.some(({ value }) => value === 'allow')) page = await visitor.submit(page, {}, 'allow');
    else return page;
  }
  return page;
}

const kinds = {
  confirm: 'Is this your device?',
  connected: 'Device connected',
  stopped: 'Device not connected',
  code: 'Connect a device',
};
const kindOf = ({ text }: Page): string => {
  const [, title = ''] = /<title>(?:Error: )?([^<]*)<\/title>/.exec(text) ?? [];
  return Object.entries(kinds).find(([, shown]) => title.startsWith(shown))?.[0] ?? title;
};
const says = ({ text }: Page, part: string): boolean => text.includes(part);
const isAsked = (page: Page, { user_code }: Asked): boolean =>
  kindOf(page) === 'confirm' && page.status === 200 && page.text.replaceAll('<wbr>', '').includes(user_code);

describe('a code that was typed', () => {
  test('leads by 303 to a page of its own, in whose address no code stands', async () => {
    const [asked, visitor] = [await ask(), new Visitor()];
    const form = formsOf(await codePage(visitor))[0]!;
    const answer = await visitor.request(form.action, { form: { ...form.fields, user_code: asked.user_code } });
    expect(answer.status).toBe(303);
    expect(answer.location).toMatch(new RegExp(`^${latchkey.base}/oidc/device\\?device=[\\w-]{11}$`));
    expect(answer.location).not.toContain(asked.user_code);
    expect(answer.headers.getSetCookie().join()).not.toContain(asked.user_code.replace('-', ''));
    expect(isAsked(await visitor.open(answer.location!), asked)).toBe(true);
    expect(await hears(asked)).toBe('authorization_pending');
  });

  test('in the address that the device shows, is typed already, and goes the same way', async () => {
    const [asked, visitor] = [await ask(), new Visitor()];
    const typed = await visitor.open(asked.verification_uri_complete);
    expect([kindOf(typed), formsOf(typed)[0]?.fields['user_code']]).toEqual(['code', asked.user_code.replace('-', '')]);
    const answer = await press(visitor, typed, 'continue');
    expect(answer.status).toBe(303);
    expect(isAsked(await visitor.open(answer.location!), asked)).toBe(true);
  });

  test('twice at once in one browser belongs to one request, and both responses lead to it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [asked, visitor] = [await ask(), new Visitor()];
      const form = formsOf(await codePage(visitor))[0]!;
      const sent = { form: { ...form.fields, user_code: asked.user_code } };
      const answers = await Promise.all([visitor.request(form.action, sent), visitor.request(form.action, sent)]);
      for (const { status, location } of answers) {
        expect(status).toBe(303);
        expect(isAsked(await visitor.open(location!), asked)).toBe(true);
      }
    }
  });
});

/** The outcome of a confirmation page, and the later content of its address: in this browser, and after a reload. */
const states: Readonly<
  Record<string, { prepare?(shown: Shown): Promise<unknown>; see(page: Page, shown: Shown): void }>
> = {
  'that is loaded again': { see: (page, { asked }) => expect(isAsked(page, asked)).toBe(true) },
  'in another language': {
    prepare: ({ visitor, page }) => visitor.open(`${page.url}&ui_locales=de`),
    see: (page, { asked }) => {
      expect(page.text).toContain('<html lang="de"');
      expect(page.text).toContain(asked.user_code);
    },
  },
  'to which Back leads from the sign-in that followed': {
    prepare: ({ visitor, page }) => visitor.submit(page, {}, 'confirm'),
    see: (page, { asked }) => expect(isAsked(page, asked)).toBe(true),
  },
  'that was sent, and all is done': {
    prepare: async ({ visitor, page }) => finish(visitor, await visitor.submit(page, {}, 'confirm')),
    see: (page) => expect([page.status, kindOf(page), says(page, 'Lantern TV')]).toEqual([200, 'connected', true]),
  },
  'whose device has its tokens': {
    prepare: async ({ visitor, page, asked }) => {
      await finish(visitor, await visitor.submit(page, {}, 'confirm'));
      expect(await hears(asked)).toBe('tokens');
    },
    see: (page) => expect([page.status, kindOf(page)]).toEqual([200, 'connected']),
  },
  'that was stopped in another tab': {
    prepare: async ({ visitor, page }) => visitor.submit(await visitor.open(page.url), {}, 'abort'),
    see: (page) => expect([page.status, kindOf(page), says(page, 'Lantern TV')]).toEqual([200, 'stopped', true]),
  },
  'of a code that expired': {
    prepare: async () => travel(11 * MINUTE),
    see: (page) => expect([page.status, kindOf(page), says(page, 'has expired')]).toEqual([200, 'code', true]),
  },
  'of a code that expired and is purged': {
    prepare: async () => {
      await latchkey.app.database.sql(`delete from oidc_artifact where kind = 'DeviceCode'`);
    },
    see: (page) => expect([page.status, kindOf(page), says(page, 'has expired')]).toEqual([200, 'code', true]),
  },
  'older than its cookie': {
    prepare: async () => travel(21 * MINUTE),
    see: (page) => expect([page.status, kindOf(page), says(page, 'data-tone="danger"')]).toEqual([200, 'code', false]),
  },
  'of an application that was disabled': {
    prepare: () => latchkey.run('clients.disable', { client_id: tv.client_id }),
    see: (page) => expect([page.status, says(page, 'value="confirm"'), says(page, '<h1')]).toEqual([400, false, true]),
  },
  'after the browser signed out': {
    prepare: async ({ visitor }) => visitor.submit(await visitor.open(`${latchkey.base}/oidc/logout`), {}, 'logout'),
    see: (page) => expect([page.status, kindOf(page), says(page, 'Lantern TV')]).toEqual([200, 'code', false]),
  },
};

describe.each(Object.keys(states))('a confirmation page %s', (state) => {
  test.each([
    ['nobody is signed in', () => new Visitor()],
    ['its user is signed in', () => signedIn()],
  ] as const)('says what is true, where %s', async (who, begin) => {
    if (state.includes('signed out') && who.startsWith('nobody')) return;
    const { prepare, see } = states[state]!;
    const shown = await confirming(await begin());
    await prepare?.(shown);
    for (let loads = 0; loads < 2; loads += 1) {
      const page = await shown.visitor.open(shown.page.url);
      expect(page.url).toBe(shown.page.url);
      see(page, shown);
    }
  });
});

describe('a button of the confirmation page', () => {
  test.each(['confirm', 'abort'] as const)(
    '%s is answered by 303, also where nothing is left to ask',
    async (button) => {
      tv = await newTelevision({ type: 'web', first_party: true });
      const { asked, visitor, page } = await confirming(await signedIn());
      const answer = await press(visitor, page, button);
      expect([answer.status, answer.location]).toEqual([303, page.url]);
      expect(kindOf(await visitor.open(answer.location!))).toBe(button === 'confirm' ? 'connected' : 'stopped');
      expect(await hears(asked)).toBe(button === 'confirm' ? 'tokens' : 'access_denied');
    },
  );

  test('opened twice works in both tabs, and in the one that was opened first', async () => {
    const { asked, visitor, page } = await confirming();
    await visitor.open(page.url);
    await codePage(visitor);
    await finish(visitor, await visitor.submit(page, {}, 'confirm'));
    expect(await hears(asked)).toBe('tokens');
  });

  test('of two devices in two tabs answers for its own', async () => {
    const [first, second] = [await confirming(), await ask()];
    const { visitor } = first;
    const other = await enter(visitor, second);
    expect(isAsked(await visitor.open(first.page.url), first.asked)).toBe(true);
    await visitor.submit(other, {}, 'abort');
    await finish(visitor, await visitor.submit(first.page, {}, 'confirm'));
    expect([await hears(first.asked), await hears(second)]).toEqual(['tokens', 'access_denied']);
  });

  test.each([
    ['one after the other', async (one: () => Promise<Page>) => [await one(), await one()]],
    ['at once', async (one: () => Promise<Page>) => Promise.all([one(), one()])],
  ] as const)('pressed twice, %s, goes on', async (_how, both) => {
    for (let round = 0; round < 10; round += 1) {
      const { asked, visitor, page } = await confirming();
      const answers = await both(() => press(visitor, page, 'confirm'));
      expect(answers.map(({ status }) => status)).toEqual([303, 303]);
      for (const { location } of answers) expect(location).toContain('/interaction/');
      const last = await finish(visitor, await visitor.open(answers[1]!.location!));
      expect([kindOf(last), last.url]).toEqual(['connected', page.url]);
      expect(await hears(asked)).toBe('tokens');
    }
  });

  test.each([
    ['confirm', 'connected'],
    ['abort', 'connected'],
  ] as const)('%s after all is done changes nothing, and leads to what became of it', async (button, kind) => {
    const { asked, visitor, page } = await confirming(await signedIn());
    const consent = await visitor.submit(page, {}, 'confirm');
    const again = await visitor.open(page.url);
    await finish(visitor, consent);
    const answer = await press(visitor, again, button);
    expect([answer.status, answer.location]).toEqual([303, page.url]);
    expect(kindOf(await visitor.open(answer.location!))).toBe(kind);
    expect(await hears(asked)).toBe('tokens');
  });

  test.each<[string, () => Promise<unknown>]>([
    ['disabled', () => latchkey.run('clients.disable', { client_id: tv.client_id })],
    ['deleted', () => latchkey.run('clients.delete', { client_id: tv.client_id })],
  ])('whose application was %s leads by 303 to a page that says so', async (_how, end) => {
    const { visitor, page } = await confirming(await signedIn());
    await end();
    const answer = await press(visitor, page, 'confirm');
    expect([answer.status, answer.location]).toEqual([303, page.url]);
    for (let loads = 0; loads < 2; loads += 1) expect((await visitor.open(answer.location!)).status).toBe(400);
  });

  test('whose code has expired leads by 303 to a page that says so', async () => {
    const { visitor, page } = await confirming();
    travel(11 * MINUTE);
    const answer = await press(visitor, page, 'confirm');
    expect([answer.status, answer.location]).toEqual([303, page.url]);
    expect(says(await visitor.open(answer.location!), 'has expired')).toBe(true);
  });
});

describe('a sign-in for a device that was left', () => {
  test('can be begun again, on the confirmation page and with the code', async () => {
    const { asked, visitor, page } = await confirming();
    await visitor.submit(page, {}, 'confirm');
    await visitor.submit(await visitor.open(page.url), {}, 'confirm');
    const typed = await enter(visitor, asked);
    expect(isAsked(typed, asked)).toBe(true);
    await finish(visitor, await visitor.submit(typed, {}, 'confirm'));
    expect(await hears(asked)).toBe('tokens');
  });

  test('can be stopped', async () => {
    const { asked, visitor, page } = await confirming();
    const left = await visitor.submit(page, {}, 'confirm');
    const stopped = await visitor.submit(await visitor.open(page.url), {}, 'abort');
    expect(kindOf(stopped)).toBe('stopped');
    const late = await finish(visitor, left);
    expect(kindOf(late)).toBe('stopped');
    expect(await hears(asked)).toBe('access_denied');
  });

  test('belongs to its browser still', async () => {
    const { asked, page, visitor } = await confirming();
    await visitor.submit(page, {}, 'confirm');
    const other = await signedIn(await latchkey.user());
    expect((await enter(other, asked)).isRefused).toBe(true);
    const own = await codePage(other);
    expect((await other.submit(own, { user_code: asked.user_code, confirm: 'yes' })).isRefused).toBe(true);
    expect((await other.submit(own, { user_code: asked.user_code, abort: 'yes' })).isRefused).toBe(true);
    expect(await hears(asked)).toBe('authorization_pending');
  });

  test('of two in one browser the first that ends decides, whichever it is', async () => {
    const people = [await latchkey.user(), await latchkey.user()];
    for (const first of [0, 1]) {
      const { asked, visitor, page } = await confirming();
      const pages = [await visitor.submit(page, {}, 'confirm'), await visitor.submit(page, {}, 'confirm')];
      expect(kindOf(await finish(visitor, pages[first]!, people[first]))).toBe('connected');
      await finish(visitor, pages[1 - first]!, people[1 - first]);
      const { status, body } = await poll(asked);
      expect(status).toBe(200);
      const rows = await latchkey.app.database.sql<{ account_id: string }>(
        `select account_id from oidc_artifact where kind = 'DeviceCode' and client_id = $1 and account_id is not null`,
        [tv.client_id],
      );
      expect(rows.map(({ account_id: id }) => id)).toContain(people[first]!.id);
      expect(rows.map(({ account_id: id }) => id)).not.toContain(first === 0 ? people[1]!.id : undefined);
      const headers = { authorization: `Bearer ${body.access_token}` };
      const userinfo = await fetch(`${latchkey.base}/oidc/userinfo`, { headers });
      expect(await userinfo.json()).toMatchObject({ sub: people[first]!.id, email: people[first]!.email });
      await latchkey.app.database.sql(`delete from oidc_artifact where kind = 'DeviceCode'`);
    }
  });

  test('whose end is asked for several times at once gives the device its tokens', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { asked, visitor, page } = await confirming(await signedIn());
      const consent = await visitor.submit(page, {}, 'confirm');
      if (kindOf(consent) !== 'connected') {
        const [form] = formsOf(consent);
        const answer = await visitor.request(form!.action, { form: { ...form!.fields, action: 'allow' } });
        await Promise.all(Array.from({ length: 6 }, () => visitor.request(answer.location!)));
      }
      expect(await hears(asked)).toBe('tokens');
    }
  });
});

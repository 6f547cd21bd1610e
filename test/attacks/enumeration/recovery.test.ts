/** An attacker learns nothing about an account from the pages that send mail to it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { authorizeUrl, type Page, pkce, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
const known = {
  active: 'known-aa@example.com',
  'without a password': 'known-ab@example.com',
  disabled: 'known-ac@example.com',
  'of an unproved address': 'known-ad@example.com',
  'with a number': 'known-ae@example.com',
  'of a person with a language': 'known-af@example.com',
};
const unknown = { unknown: 'known-ag@example.com', 'unknown too': 'known-ah@example.com' };

beforeAll(async () => {
  latchkey = await startTestApp({
    embedded: true,
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    settings: {
      'sms.countries': ['1'],
      'signIn.methods': ['password', 'passkey', 'emailLink', 'emailCode', 'smsCode'],
    },
  });
  client = await latchkey.client();
  const verified = { email_verified: true };
  await latchkey.user({ email: known.active, ...verified });
  await latchkey.user({ email: known['without a password'], password: undefined, ...verified });
  const disabled = await latchkey.user({ email: known.disabled, ...verified });
  await latchkey.run('users.disable', { user_id: disabled.id });
  await latchkey.user({ email: known['of an unproved address'] });
  const number = { phone_number: '+12025550143', phone_number_verified: true };
  await latchkey.user({ email: known['with a number'], ...number, ...verified });
  await latchkey.user({ email: known['of a person with a language'], locale: 'de', ...verified });
});
afterAll(() => latchkey.close());

type Look = { status: number; headers: string[]; cookies: string[]; location: string | null; body: string };

/** One answer without what differs by chance: tokens, ids, times, and the address itself. */
function look(page: Page, email: string): Look {
  const masked = (text: string) =>
    text
      .replaceAll(email.slice(0, email.indexOf('@')), '(name)')
      .replaceAll(/\/interaction\/[\w-]+/g, '/interaction/(uid)')
      .replaceAll(/nonce="[^"]+"/g, 'nonce')
      .replaceAll(/name="csrf" value="[^"]+"/g, 'csrf')
      .replaceAll(/<time [^<]+</g, '<time><')
      .replaceAll(/data-wait="\d+"|\d+ seconds?/g, '(seconds)');
  const chance = new Set(['date', 'content-security-policy', 'set-cookie', 'location', 'content-length']);
  return {
    status: page.status,
    headers: [...page.headers].filter(([name]) => !chance.has(name)).map(([name, value]) => `${name}: ${value}`),
    cookies: page.headers.getSetCookie().map((line) =>
      line
        .replace(/(?<=-refused-)[\w-]+/, '(page)')
        .replaceAll(/=[^;]+/g, '=')
        .replaceAll(/expires=[^;]+/gi, 'expires'),
    ),
    location: page.location && masked(new URL(page.location).pathname),
    body: masked(page.text),
  };
}

let walks = 0;
const start = async (email: string) => {
  const visitor = new Visitor({ 'x-forwarded-for': `198.51.100.${(walks += 1)}` });
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  return { visitor, page: await visitor.submit(first, { email }) };
};

/** Every answer of one way, with more mails than anybody may be sent. */
const ways: Record<string, (email: string) => Promise<Look[]>> = {
  async forgot(email) {
    const { visitor, page } = await start(email);
    const seen: Look[] = [];
    let shown = await visitor.open(page.url.replace(/\/password$/, '/forgot'));
    seen.push(look(shown, email));
    for (let i = 0; i < 5; i += 1) {
      shown = await visitor.submit(shown, i === 0 ? { email } : {});
      seen.push(look(shown, email));
    }
    return seen;
  },
  async recovery(email) {
    const visitor = new Visitor({ 'x-forwarded-for': `198.51.100.${(walks += 1)}` });
    const shown = await visitor.open(`${latchkey.base}/recovery`);
    return [look(await visitor.submit(shown, { email }), email)];
  },
  'email-code': (email) => code(email, 'email-code'),
  'sms-code': (email) => code(email, 'sms-code'),
};

async function code(email: string, way: string): Promise<Look[]> {
  const { visitor, page } = await start(email);
  let shown = await visitor.open(page.url.replace(/\/password$/, `/${way}`));
  const seen = [look(shown, email)];
  for (let i = 0; i < 4; i += 1) {
    for (let tries = 0; tries < 6; tries += 1) {
      // Six letters are no code, so that nobody is signed in by chance.
      shown = await visitor.submit(shown, { code: 'wrong!' });
      seen.push(look(shown, email));
    }
    shown = await visitor.submit(shown, {}, 'resend');
    seen.push(look(shown, email));
  }
  return seen;
}

describe.each(Object.entries(ways))('%s', (_way, walk) => {
  let stranger: Look[];
  beforeAll(async () => {
    stranger = await walk('known-ai@example.com');
  });

  test.each([...Object.entries(known), ...Object.entries(unknown)])(
    'responds the same for an account that is %s as for an unknown address, at every repetition',
    async (_what, email) => {
      expect(await walk(email)).toEqual(stranger);
    },
  );
});

test('writes as many mails for an account as for an unknown address', async () => {
  const counted = await latchkey.app.database.sql<{ known: boolean; many: number }>(
    `select subject_id is not null as known, count(*)::int as many from audit_record
     where type in ('user.password_reset_requested', 'user.sign_in_code_sent') group by 1 order by 1`,
  );
  const perAccount = counted.map(({ known: isKnown, many }) => many / (isKnown ? 6 : 3));
  expect(perAccount[0]).toBe(perAccount[1]);
});

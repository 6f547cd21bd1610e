/** The pages before any proof show nothing of what a user holds, or of the state of the account. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId, toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { send, signInTo } from '../../support/account.ts';
import { type Look, look } from '../../support/looks.ts';
import { walk as steps } from '../../support/mfa.ts';
import { authorizeUrl, type Page, pkce, unescaped, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
const address = (name: string) => `known-${name}@example.com`;
const known = {
  'with an app': address('aa'),
  closing: address('ab'),
  locked: address('ac'),
  'locked by their owner': address('ad'),
  'brought, and unproven': address('ae'),
  'to set a new password': address('af'),
  'with recovery codes': address('ag'),
  'with a further address': address('ah'),
};

beforeAll(async () => {
  latchkey = await startTestApp({
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    settings: { 'mfa.emailCodes': true, 'limits.passwordFailuresPerAddress': 100_000 },
  });
  client = await latchkey.client();
  const walks = steps(latchkey, client);
  const verified = { email_verified: true };
  await walks.withApp({ email: known['with an app'], ...verified });
  const closing = await latchkey.user({ email: known.closing, ...verified });
  const { visitor } = await signInTo(latchkey, closing);
  await send(visitor, `${latchkey.base}/account/close`, { email: closing.email });
  await latchkey.user({ email: known.locked, ...verified });
  const owner = await signInTo(latchkey, await latchkey.user({ email: known['locked by their owner'], ...verified }));
  await send(owner.visitor, `${latchkey.base}/account/activity/not-me`);
  const record = { email: known['brought, and unproven'], password_hash: '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo=' };
  await latchkey.run('users.import', { lines: [{ line: 1, record }] });
  const { email } = await latchkey.user({ email: known['to set a new password'], ...verified });
  await latchkey.app.database.sql('update users set password_update_required = true where email = $1', [email]);
  await walks.withRecoveryCodes(await latchkey.user({ email: known['with recovery codes'], ...verified }));
  const several = await latchkey.user(verified);
  const further = known['with a further address'];
  await latchkey.app.database.sql(
    `insert into contact (id, user_id, kind, value, canonical, verified_at, reserved_until, created_at)
     values ($1, $2, 'email', $3, $3, now(), null, now())`,
    [toUuid(newId('cnt')), toUuid(several.id as never), further],
  );
});
afterAll(() => latchkey.close());

let run = 0;

/** The request to an authenticator, without the challenge and the keys: it names keys for every address. */
function withoutChance(text: string): string {
  return text.replaceAll(/data-options="([^"]*)"/g, (_all, json: string) => {
    const { challenge, allowCredentials, ...asked } = JSON.parse(unescaped(json)) as Record<string, unknown>;
    return JSON.stringify([typeof challenge, Array.isArray(allowCredentials) && allowCredentials.length > 0, asked]);
  });
}

async function walk(email: string): Promise<Look[]> {
  const visitor = new Visitor({ 'x-forwarded-for': `198.51.100.${(run += 1)}` });
  const seen: Look[] = [];
  const see = (page: Page): Page => {
    seen.push(look({ ...page, text: withoutChance(page.text) }, email));
    return page;
  };
  const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge }));
  let page = see(await visitor.submit(first, { email }));
  const base = page.url.replace(/\/password$/, '');
  for (let i = 0; i < 6; i += 1) page = see(await visitor.submit(page, { password: 'certainly not this one' }));
  const pages = [
    'passkey',
    'email-code',
    'forgot',
    'second-factor',
    'second-factor/email',
    'enrol-factor',
    'verify-email',
  ];
  for (const way of [...pages, 'account', 'create', 'new-password', 'recovery-codes', 'consent'])
    see(await visitor.open(`${base}/${way}`));
  const code = await visitor.open(`${base}/email-code`);
  see(await visitor.submit(code, { code: 'wrong!' }));
  see(await visitor.submit(await visitor.open(`${base}/forgot`), { email }));
  see(await visitor.submit(await visitor.open(`${latchkey.base}/recovery`), { email }));
  return seen;
}

describe('status, headers, cookies and words of every response', () => {
  let stranger: Look[];
  beforeAll(async () => {
    stranger = await walk(address('az'));
  });

  test.each([...Object.entries(known), ['nobody either', address('ay')]])(
    'are the same for an account that is %s as for an unknown address',
    async (_what, email) => {
      expect(await walk(email)).toEqual(stranger);
    },
  );
});

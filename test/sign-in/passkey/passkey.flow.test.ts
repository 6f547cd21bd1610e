import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { type Id, toUuid } from '#kernel/ids.ts';
import { redirectUri, startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { optionsOn, passkeyVisits } from '../../support/passkey-visits.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let client: TestClient;
let visits: ReturnType<typeof passkeyVisits>;
beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.passwordFailuresPerAddress': 10_000 } });
  client = await latchkey.client({ first_party: true });
  visits = passkeyVisits(latchkey, client);
});
afterAll(() => latchkey.close());
afterEach(() => vi.useRealTimers());

const words = (page: Page) => page.text.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
const at = (page: Page) => new URL(page.url).pathname.split('/').at(-1);
const set = (name: string, value: unknown) => latchkey.run('settings.update', { name, value: JSON.stringify(value) });

async function personWith(authenticator: Authenticator): Promise<TestUser> {
  const user = await latchkey.user();
  expect(visits.codeIn(await visits.enrol(user, authenticator))).not.toBeNull();
  return user;
}

describe('the offer to add a passkey', () => {
  test('follows the password in a browser with passkey support, is accepted, and does not come again', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    const page = await visits.afterPassword(visitor, user);
    expect(at(page)).toBe('offer-passkey');
    expect(optionsOn(page)).toMatchObject({ user: { name: user.email }, rp: { id: 'localhost' } });
    const done = await visitor.submit(page, {
      credential: new Authenticator().create(optionsOn(page), latchkey.base),
    });
    expect(visits.codeIn(done)).not.toBeNull();
    const [event] = await latchkey.app.database.sql<{ details: unknown }>(
      `select details from audit_record where type = 'user.passkey_added' and subject_id = $1`,
      [user.id],
    );
    expect(event?.details).toMatchObject({ attestation: 'none', user_verified: true });
  });

  test('does not appear without passkey support of the browser', async () => {
    const user = await latchkey.user();
    const done = await new Visitor().signIn(visits.start(), user);
    expect(done.get('code')).not.toBeNull();
  });

  test('can be declined, and does not come again for half a year', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    expect(visits.codeIn(await visitor.submit(await visits.afterPassword(visitor, user), {}, 'skip'))).not.toBeNull();
    expect(visits.codeIn(await visits.afterPassword(new Visitor(), user))).not.toBeNull();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 181 * DAY });
    expect(at(await visits.afterPassword(new Visitor(), user))).toBe('offer-passkey');
  });

  test('does not appear for a user with an authenticator app who has not used it', async () => {
    const user = await latchkey.user();
    await latchkey.app.database.sql(
      `insert into totp_credential (user_id, sealed, algorithm, digits, period, name, last_step, created_at)
       values ($1, 'sealed', 'sha1', 6, 30, '', 0, now())`,
      [toUuid(user.id as Id<'usr'>)],
    );
    await set('mfa.enforcement', 'off');
    const page = await visits.afterPassword(new Visitor(), user);
    await set('mfa.enforcement', 'optional');
    expect(visits.codeIn(page)).not.toBeNull();
  });

  test('is skipped without JavaScript', async () => {
    const user = await latchkey.user();
    const visitor = new Visitor();
    const page = await visits.afterPassword(visitor, user);
    expect(visits.codeIn(await visitor.submit(page, {}, 'continue'))).not.toBeNull();
    expect(at(await visits.afterPassword(new Visitor(), user))).toBe('offer-passkey');
  });

  test.each([
    ['cancelled', 'No passkey was created'],
    ['timed_out', 'That took too long'],
    ['exists', 'already in your account'],
    ['unsupported', 'can’t create passkeys'],
    ['failed', 'Your device didn’t respond'],
    ['anything', 'Your device didn’t respond'],
  ])('gives advice when the browser reports %s, and asks again', async (failure, says) => {
    const visitor = new Visitor();
    const page = await visits.afterPassword(visitor, await latchkey.user());
    const refused = await visitor.submit(page, { failure });
    expect(refused.isRefused).toBe(true);
    expect(words(refused)).toContain(says);
    expect(optionsOn(refused)).not.toMatchObject({ challenge: (optionsOn(page) as { challenge: string }).challenge });
  });

  test('accepts no false response, and says so', async () => {
    const user = await latchkey.user();
    const page = await visits.enrol(user, new Authenticator(), { origin: 'https://evil.test' });
    expect(page.isRefused).toBe(true);
    expect(words(page)).toContain('This passkey wasn’t accepted');
  });

  test('does not appear if the operator disabled it', async () => {
    await set('passkeys.offer', false);
    const page = await visits.afterPassword(new Visitor(), await latchkey.user());
    await set('passkeys.offer', true);
    expect(visits.codeIn(page)).not.toBeNull();
  });

  test('cannot be opened before a proof', async () => {
    const visitor = new Visitor();
    const first = await visitor.open(visits.start());
    for (const path of ['offer-passkey', 'enrol-factor/passkey']) {
      const url = first.url.replace(/login$/, path);
      expect(at(await visitor.open(url))).toBe('login');
      expect(at(await visitor.open(url, { csrf: visits.csrfOf(first), credential: '{}' }))).toBe('login');
    }
  });
});

describe('signing in with a passkey', () => {
  test('needs no email address, and the relying party receives the methods', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const { verifier, challenge } = pkce();
    const visitor = new Visitor();
    const first = await visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: challenge }));
    const page = await visitor.open(first.url.replace(/login$/, 'passkey'));
    expect(optionsOn(page)).toMatchObject({ allowCredentials: [], userVerification: 'required' });
    const code = visits.codeIn(await visits.answer(visitor, page, authenticator)) ?? '';
    const { body } = await post(`${latchkey.base}/oidc/token`, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    expect(decodeJwt(body.id_token)).toMatchObject({
      sub: user.id,
      acr: 'urn:latchkey:acr:3',
      amr: ['hwk', 'user', 'mfa'],
    });
  });

  test('works in the email field: the script requests the pending challenge', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const visitor = new Visitor();
    // An address typed before says nothing about who chooses a passkey in the field.
    const password = await visitor.submit(await visitor.open(visits.start()), { email: 'nobody@example.com' });
    const first = await visitor.open(password.url.replace(/password$/, 'login'));
    const form = { csrf: visits.csrfOf(first), who: 'anyone' };
    const asked = await visitor.request(first.url.replace(/login$/, 'passkey/options'), { form });
    expect(asked.headers.get('content-type')).toContain('application/json');
    expect(asked.headers.get('cache-control')).toBe('no-store');
    const credential = authenticator.get(JSON.parse(asked.text) as never, latchkey.base);
    const done = await visitor.open(first.url.replace(/login$/, 'passkey'), { ...form, credential });
    expect(visits.codeIn(done)).not.toBeNull();
    const [event] = await latchkey.app.database.sql<{ subject_id: string }>(
      `select subject_id from audit_record where type = 'user.signed_in' order by at desc, id desc limit 1`,
    );
    expect(event?.subject_id).toBe(user.id);
  });

  test('after an email address requests the passkeys of that user, also non-discoverable ones', async () => {
    const key = new Authenticator({ isResident: false, transports: ['usb'] });
    const user = await personWith(key);
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor, user.email);
    expect(words(page)).toContain(user.email.split('@')[0]);
    expect(optionsOn(page)).toMatchObject({ allowCredentials: [{ transports: ['usb'] }] });
    expect(visits.codeIn(await visits.answer(visitor, page, key))).not.toBeNull();
  });

  test('works while the password is locked', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const guesser = new Visitor();
    const password = await guesser.submit(await guesser.open(visits.start()), { email: user.email });
    for (let i = 0; i < 7; i += 1) await guesser.submit(password, { password: `guess ${i}` });
    expect(words(await guesser.submit(password, { password: user.password }))).toContain('paused');
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    expect(visits.codeIn(await visits.answer(visitor, page, authenticator))).not.toBeNull();
  });

  test.each([
    ['cancelled', 'No passkey was used'],
    ['timed_out', 'That took too long'],
    ['unsupported', 'can’t use passkeys'],
    ['failed', 'Your device didn’t respond'],
    ['exists', 'Your device didn’t respond'],
  ])('gives advice when the browser reports %s', async (failure, says) => {
    const visitor = new Visitor();
    const page = await visitor.submit(await visits.atPasskey(visitor), { failure });
    expect(page.isRefused).toBe(true);
    expect(words(page)).toContain(says);
    expect(page.text).toContain('Error:');
  });

  test('shows its page after a click without JavaScript', async () => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    expect(at(await visitor.submit(page))).toBe('passkey');
  });

  test('links to other methods: the email address, or other first factors of the policy', async () => {
    expect((await visits.atPasskey(new Visitor())).text).toMatch(/href="[^"]+\/login">Try another way/);
    const page = await visits.atPasskey(new Visitor(), 'nobody@example.com');
    expect(page.text).toMatch(/href="[^"]+\/password"><svg.*?<\/svg>Use your password/);
  });

  test('with an unknown one tells the browser to forget it', async () => {
    const visitor = new Visitor();
    const stranger = new Authenticator();
    stranger.create({ challenge: 'AA', rp: { id: 'localhost' }, user: { id: 'AA' } }, latchkey.base);
    const page = await visits.answer(visitor, await visits.atPasskey(visitor), stranger);
    expect(page.isRefused).toBe(true);
    expect(words(page)).toContain('We don’t recognize this passkey');
    const credentialId = stranger.credentials[0]!.id.toString('base64url');
    expect(page.text).toContain('data-passkey-signal="unknown"');
    expect(page.text).toContain(`&quot;credentialId&quot;:&quot;${credentialId}&quot;`);
  });

  test('requires the form of our page', async () => {
    const visitor = new Visitor();
    const page = await visits.atPasskey(visitor);
    for (const path of [page.url, `${page.url}/options`])
      expect((await visitor.request(path, { form: { credential: '{}' } })).status).toBe(403);
  });
});

describe('wrong responses', () => {
  test('are counted in a sign-in, and do not block another one', async () => {
    const authenticator = new Authenticator();
    await personWith(authenticator);
    const mallory = new Visitor();
    let page = await visits.atPasskey(mallory);
    for (let i = 0; i < 5; i += 1)
      page = await visits.answer(mallory, page, authenticator, { signature: (bytes) => bytes.fill(1) });
    expect(words(page)).toContain('This passkey wasn’t accepted');
    page = await visits.answer(mallory, page, authenticator);
    expect(page.isRefused).toBe(true);
    expect(words(page)).toContain('Too many attempts');
    const visitor = new Visitor();
    expect(visits.codeIn(await visits.answer(visitor, await visits.atPasskey(visitor), authenticator))).not.toBeNull();
  });

  test('are recorded with their reason, which the page does not show', async () => {
    const authenticator = new Authenticator();
    const user = await personWith(authenticator);
    const visitor = new Visitor();
    await visits.answer(visitor, await visits.atPasskey(visitor), authenticator, { crossOrigin: true });
    const second = await visits.atPasskey(visitor);
    await visits.answer(visitor, second, authenticator, { rpId: 'evil.test' });
    const rows = await latchkey.app.database.sql<{ details: unknown; subject_id: string | null }>(
      `select details, subject_id from audit_record where type = 'user.sign_in_failed' order by at desc, id desc limit 2`,
    );
    expect(rows).toEqual([
      { details: { method: 'passkey', reason: 'not_verified' }, subject_id: user.id },
      { details: { method: 'passkey', reason: 'framed' }, subject_id: null },
    ]);
  });
});

describe('a passkey after a password', () => {
  test('is requested when the relying party requires more than the password, according to policy', async () => {
    const key = new Authenticator({ isResident: false, verifiesUser: false, transports: ['usb'] });
    const user = await personWith(key);
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:3' } } });
    const visitor = new Visitor();
    const first = await visitor.open(visits.start({ claims }));
    const second = first.url.replace(/login$/, 'passkey');
    await visitor.request((await visitor.submit(first, { email: user.email })).url, {
      form: { csrf: visits.csrfOf(first), password: user.password },
    });
    const page = await visitor.open(second);
    expect(at(page)).toBe('passkey');
    expect(optionsOn(page)).toMatchObject({
      allowCredentials: [{ transports: ['usb'] }],
      userVerification: 'preferred',
    });
    const done = await visits.answer(visitor, page, key);
    expect(visits.codeIn(done)).not.toBeNull();
    const [event] = await latchkey.app.database.sql<{ details: unknown }>(
      `select details from audit_record where type = 'user.signed_in' and subject_id = $1 order by at desc, id desc limit 1`,
      [user.id],
    );
    expect(event?.details).toMatchObject({ level: 3, amr: ['pwd', 'hwk', 'user', 'mfa'] });
  });
});

describe('an email address', () => {
  test('reveals nothing: passkeys are requested for every address, the same ones each time', async () => {
    const [one, two] = [new Authenticator(), new Authenticator()];
    const disabled = await personWith(two);
    await latchkey.run('users.disable', { user_id: disabled.id });
    const emails = [(await personWith(one)).email, disabled.email, (await latchkey.user()).email, 'nobody@example.com'];
    const shapes = [];
    for (const email of emails) {
      const pages = [await visits.atPasskey(new Visitor(), email), await visits.atPasskey(new Visitor(), email)];
      const [ids, again] = pages.map((page) =>
        (optionsOn(page) as { allowCredentials: { id: string }[] }).allowCredentials.map(({ id }) => id),
      );
      expect(ids!.length).toBeGreaterThan(0);
      expect(again).toEqual(ids);
      const [page] = pages;
      shapes.push({
        status: page!.status,
        headers: [...page!.headers.keys()],
        text: page!.text
          .replaceAll(/data-options="[^"]*"|value="[^"]*"|nonce="[^"]*"|\/interaction\/[\w-]+/g, '')
          .replaceAll(/<div class="who">[\s\S]*?<\/div>/g, ''),
      });
    }
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
  });
});

describe('an operator', () => {
  test('can disable passkeys', async () => {
    await set('passkeys.enabled', false);
    const visitor = new Visitor();
    const first = await visitor.open(visits.start());
    expect(first.text).not.toContain('data-passkey');
    expect(at(await visitor.open(first.url.replace(/login$/, 'passkey')))).toBe('login');
    const options = await visitor.request(first.url.replace(/login$/, 'passkey/options'), {
      form: { csrf: visits.csrfOf(first) },
    });
    expect(options.status).toBe(404);
    await set('passkeys.enabled', true);
    expect(formsOf(await new Visitor().open(visits.start())).length).toBe(2);
  });

  test('can use passkeys as a second factor only', async () => {
    await set('signIn.methods', ['password']);
    const visitor = new Visitor();
    const first = await visitor.open(visits.start());
    expect(first.text).not.toContain('data-passkey');
    expect(at(await visitor.open(first.url.replace(/login$/, 'passkey')))).toBe('login');
    const form = { csrf: visits.csrfOf(first) };
    expect((await visitor.request(first.url.replace(/login$/, 'passkey/options'), { form })).status).toBe(404);
    await set('signIn.methods', ['password', 'passkey']);
  });

  test('can allow related origins, which are published only at the well-known address', async () => {
    const url = `${latchkey.base}/.well-known/webauthn`;
    expect((await fetch(url)).status).toBe(404);
    await set('passkeys.relatedOrigins', ['https://shop.example.org']);
    const answer = await fetch(url);
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(await answer.json()).toEqual({ origins: [latchkey.base, 'https://shop.example.org'] });
    await set('passkeys.relatedOrigins', []);
  });
});

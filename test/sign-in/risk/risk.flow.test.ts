import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toUuid } from '#kernel/ids.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { place, writeMmdb } from '../../support/mmdb.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-places-'));
const lisbon = '203.0.113.9';
const porto = '203.0.113.200';
const tokyo = '198.51.100.7';

let latchkey: TestApp;
let mails: Mails;
let client: TestClient;

beforeAll(async () => {
  const file = join(folder, 'places.mmdb');
  writeMmdb(file, {
    '203.0.113.0/25': place('Lisbon', 'PT', 38.72, -9.14),
    '203.0.113.128/25': place('Porto', 'PT', 41.15, -8.61),
    '198.51.100.0/24': place('Tokyo', 'JP', 35.68, 139.69),
  });
  mails = await openMails();
  latchkey = await startTestApp({
    env: { ...mails.env, GEOIP_FILE: file, TRUSTED_PROXIES: '127.0.0.1/8,::1/128' },
  });
  client = await latchkey.client({ first_party: true });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  rmSync(folder, { recursive: true });
});

const from = (ip: string) =>
  new Visitor({
    'x-forwarded-for': ip,
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  });
const url = () => authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge });
const person = () => latchkey.user({ email_verified: true });

/** The page after the right password; `location` is set when that was all. */
async function withPassword(visitor: Visitor, { email, password }: TestUser) {
  const page = await visitor.submit(await visitor.open(`${url()}&prompt=login`), { email });
  return visitor.submit(page, { password });
}

async function events(user: TestUser, type: string) {
  return latchkey.app.database.sql<{ details: { signals: string[]; actions: string[] } }>(
    'select details from audit_record where type = $1 and subject_id = $2 order by at, id',
    [type, user.id],
  );
}

describe('a sign-in in a new browser', () => {
  test('is not reported the first time, and the next time the owner receives place, time and browser', async () => {
    const user = await person();
    const usual = from(lisbon);
    expect((await withPassword(usual, user)).location).toContain('code=');
    expect((await withPassword(from(porto), user)).location).toContain('code=');
    const mail = await mails.next(user.email, /New sign-in/);
    for (const fact of ['Device: Firefox, Linux', 'Place: Porto, Portugal', `IP address: ${porto}`])
      expect(mail.text).toContain(fact);
    expect((await mails.all()).filter(({ to }) => to === user.email)).toHaveLength(1);
    expect((await events(user, 'user.signed_in')).map(({ details }) => details.signals)).toEqual([[], ['new_device']]);
  });

  test('is ended by the link in that mail, everywhere, with the password that was used', async () => {
    const user = await person();
    await withPassword(from(lisbon), user);
    const stranger = from(porto);
    await withPassword(stranger, user);
    const { link } = await mails.next(user.email, /New sign-in/);

    const owner = new Visitor();
    const shown = await owner.request(link);
    expect(shown.location).toMatch(/\/not-me\/confirm\/[\w-]{12}$/);
    for (let look = 0; look < 3; look += 1)
      expect((await owner.open(shown.location!)).text).toContain('Porto, Portugal');
    expect((await stranger.request(url())).location).toContain('code=');

    const done = await owner.submit(await owner.open(shown.location!), {}, 'confirm');
    expect(done.url).toBe(`${latchkey.base}/not-me/done`);
    const asked = await stranger.open(url());
    expect(asked.url).toMatch(/\/interaction\/.*\/login$/);
    const refused = await withPassword(from(lisbon), user);
    expect(refused.isRefused).toBe(true);

    // Consumed: a later reader of the mail can do nothing and see nothing.
    const late = new Visitor();
    const gone = await late.open(link);
    expect(gone.status).toBe(410);
    expect(gone.text).not.toContain('Porto');
  });

  test('is undone with all later additions, and earlier ones stay', async () => {
    const [before, since] = [await person(), await person()];
    const addApp = ({ id }: TestUser) =>
      latchkey.app.database.transaction((em) =>
        latchkey.app.credentials.totp.import(em, id as never, { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' }),
      );
    for (const user of [before, since]) {
      await withPassword(from(lisbon), user);
      await withPassword(from(porto), user);
    }
    await addApp(since);
    await addApp(before);
    await latchkey.app.database.sql(
      `update totp_credential set created_at = created_at - interval '1 day' where user_id = $1`,
      [toUuid(before.id as never)],
    );
    for (const user of [before, since]) {
      const owner = new Visitor();
      const { link } = await mails.next(user.email, /New sign-in/);
      await owner.submit(await owner.open(link), {}, 'confirm');
    }
    expect(await latchkey.app.credentials.totp.find(since.id as never)).toBeNull();
    expect(await latchkey.app.credentials.totp.find(before.id as never)).not.toBeNull();
  });

  test.each(['', 'x', 'A'.repeat(43), 'A'.repeat(5000)])('no other link ends anything: %j', async (token) => {
    const visitor = new Visitor();
    expect((await visitor.open(`${latchkey.base}/not-me?token=${token}`)).status).toBe(410);
  });
});

describe('an impossible journey', () => {
  test('requires a code by mail from a user without a second factor, and is in the event', async () => {
    const user = await person();
    await withPassword(from(lisbon), user);
    const page = await withPassword(from(tokyo), user);
    expect(page.location).toBeNull();
    expect(page.url).toContain('/second-factor');
    const [challenged] = await events(user, 'user.sign_in_challenged');
    expect(challenged?.details.signals).toContain('impossible_journey');
    expect(await events(user, 'user.signed_in')).toHaveLength(1);
  });

  test('does not occur within one country', async () => {
    const user = await person();
    await withPassword(from(lisbon), user);
    expect((await withPassword(from(porto), user)).location).toContain('code=');
  });

  test('requires nothing if the address was never verified: the code would help an attacker', async () => {
    const user = await latchkey.user({ email_verified: false });
    await withPassword(from(lisbon), user);
    const page = await withPassword(from(tokyo), user);
    expect(page.url).not.toContain('/second-factor');
  });
});

test('an invalid GeoIP file stops the start with a message', async () => {
  await expect(startTestApp({ env: { GEOIP_FILE: import.meta.filename } })).rejects.toThrow(
    /GEOIP_FILE: .* cannot be read/,
  );
});

/** Second factors that need something outside: a phone, an authenticator. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient } from '../../support/app.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { codeBack, codeOf, codesOn, isAt, walk } from '../../support/mfa.ts';
import { optionsOn } from '../../support/passkey-visits.ts';

let latchkey: TestApp;
let client: TestClient;
let steps: ReturnType<typeof walk>;
const texts: { to: string; text: string }[] = [];
const gateway = createServer((req, res) => {
  let body = '';
  req.on('data', (chunk: Buffer) => (body += chunk.toString()));
  req.on('end', () => {
    texts.push((JSON.parse(body) as { data: { to: string; text: string } }).data);
    res.writeHead(204).end();
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => void gateway.listen(0, '127.0.0.1', resolve));
  latchkey = await startTestApp({
    env: {
      SMS_URL: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/`,
      SMS_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      OUTBOUND_ALLOW: '127.0.0.1',
    },
    settings: { 'mfa.smsCodes': true, 'mfa.enforcement': 'required', 'sms.countries': ['49'] },
  });
  client = await latchkey.client({ first_party: true });
  steps = walk(latchkey, client);
});
afterAll(async () => {
  await latchkey.close();
  gateway.close();
});

const textTo = async (number: string): Promise<string> => {
  await expect.poll(() => texts.some(({ to }) => to === number), { timeout: 60_000 }).toBe(true);
  return texts.findLast(({ to }) => to === number)?.text ?? '';
};

describe('a phone', () => {
  let last = 0;
  const number = () => `+493090182${String((last += 1)).padStart(3, '0')}`;
  const withPhone = (phone: string, verified = true) =>
    latchkey.user({ phone_number: phone, phone_number_verified: verified });

  test('receives a code that is bound to our address, and its owner is signed in', async () => {
    const phone = number();
    const { visitor, page } = await steps.afterPassword(await withPhone(phone));
    expect(isAt(page, '/second-factor/sms')).toBe(true);
    expect([page.text.includes(phone), page.text.includes(phone.slice(-3))]).toEqual([false, true]);
    const typing = await visitor.submit(page);
    const text = await textTo(phone);
    const [code = ''] = /\d{6}/.exec(text) ?? [];
    expect(text).toContain(`@localhost #${code}`);
    expect((await visitor.submit(typing, { code: code === '000000' ? '000001' : '000000' })).isRefused).toBe(true);
    expect(codeBack(await visitor.submit(typing, { code }))).not.toBeNull();
  });

  test.each<[string, string, boolean]>([
    ['whose number was not proved', number(), false],
    ['in a country that is not served', '+12025550123', true],
  ])('%s is refused', async (_title, phone, verified) => {
    const { page } = await steps.afterPassword(await withPhone(phone, verified));
    expect(isAt(page, '/enrol-factor')).toBe(true);
  });
});

describe('a passkey that is added because a second factor is required', () => {
  test('is used at once, with recovery codes', async () => {
    const user = await latchkey.user();
    const authenticator = new Authenticator();
    const { visitor, page } = await steps.afterPassword(user);
    const adding = await visitor.submit(page, {}, 'passkey');
    const using = await visitor.submit(adding, { credential: authenticator.create(optionsOn(adding), latchkey.base) });
    expect(isAt(using, '/second-factor/passkey')).toBe(true);
    const codes = await visitor.submit(using, { credential: authenticator.get(optionsOn(using), latchkey.base) });
    expect(isAt(codes, '/recovery-codes')).toBe(true);
    const [code = ''] = codesOn(codes);
    expect(codeBack(await visitor.submit(codes, { saved: '1' }))).not.toBeNull();

    const next = await steps.afterPassword(user);
    expect(isAt(next.page, '/second-factor/passkey')).toBe(true);
    const ways = await next.visitor.open(next.page.url.replace('/passkey', '/methods'));
    const paper = await next.visitor.submit(ways, {}, 'recovery-code');
    expect(codeBack(await next.visitor.submit(paper, { code }))).not.toBeNull();
  });

  test('is offered alone when a relying party requires the strongest level', async () => {
    const { key, ...user } = await steps.withApp();
    const strongest = {
      claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:latchkey:acr:3' } } }),
    };
    const { visitor, page } = await steps.afterPassword(user, undefined, strongest);
    const adding = await visitor.submit(page, { code: codeOf(key) });
    expect(isAt(adding, '/enrol-factor/passkey')).toBe(true);
    const authenticator = new Authenticator();
    const using = await visitor.submit(adding, { credential: authenticator.create(optionsOn(adding), latchkey.base) });
    const ways = await visitor.open(using.url.replace('/passkey', '/methods'));
    expect([...ways.text.matchAll(/name="method" value="([a-z-]+)"/g)].map(([, way]) => way)).toEqual(['passkey']);
    const end = await visitor.submit(using, { credential: authenticator.get(optionsOn(using), latchkey.base) });
    expect(isAt(end, '/recovery-codes')).toBe(true);
  });
});

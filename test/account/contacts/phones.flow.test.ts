/** Phone numbers of a signed-in person: a code in a text message proves one, over a gateway of the operator's own. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { type Mails, openMails } from '../../support/mails.ts';
import { openSmsGateway, type SmsGateway } from '../../support/sms-gateway.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let gateway: SmsGateway;
let mails: Mails;
let latchkey: TestApp;

beforeAll(async () => {
  [gateway, mails] = await Promise.all([openSmsGateway(), openMails()]);
  latchkey = await startTestApp({
    env: { ...mails.env, ...gateway.env },
    settings: { 'sms.countries': ['1', '49'], 'sms.exceptions': ['1876'], 'sms.perAddressHour': 1000 },
  });
});
afterAll(async () => {
  await latchkey.close();
  mails.close();
  gateway.close();
});

const url = (path: string): string => `${latchkey.base}/account/${path}`;
let last = 5_550_100;
const number = (): string => `+1202${(last += 1)}`;

async function owner(given: Record<string, unknown> = {}) {
  const user = await latchkey.user({ email_verified: true, ...given });
  const visitor = new Visitor();
  let page = await visitor.open(url('phones'));
  page = await visitor.submit(page, { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  for (let i = 0; i < 3 && !page.url.includes('/account/'); i += 1) page = await visitor.submit(page, {}, 'skip');
  expect(page.url).toBe(url('phones'));
  return { user, visitor, page };
}

async function add(visitor: Visitor, phone: string): Promise<Page> {
  const page = await visitor.open(url('phones'));
  const form = formsOf(page).find(({ fields }) => 'phone' in fields)!;
  return visitor.open(form.action, { ...form.fields, phone });
}

async function press(visitor: Visitor, act: 'send' | 'first' | 'remove', value: string): Promise<Page> {
  const page = await visitor.open(url('phones'));
  const row = page.text.split('<li class="row').find((part) => part.includes(`>${value}</bdi>`)) ?? '';
  const form = formsOf({ ...page, text: row }).find(({ action }) => action.endsWith(`/phones/${act}`));
  if (!form) throw new Error(`no ${act} at ${value}`);
  return visitor.open(form.action, form.fields);
}

const numberOf = async (id: string): Promise<unknown> => {
  const { users } = await latchkey.run<{ users: { id: string; phone_number?: string }[] }>('users.list');
  return users.find((user) => user.id === id)?.phone_number;
};

describe('a phone number', () => {
  test('is added, verified by the code of a text message, made primary and removed; the owner is notified of each', async () => {
    const { user, visitor } = await owner();
    const [one, two] = [number(), number()];
    const asked = await add(visitor, `+1 (202) ${one.slice(5, 8)}-${one.slice(8)}`);
    expect(asked.url).toBe(url('phones/confirm'));
    expect(await numberOf(user.id)).toBeUndefined();
    expect((await visitor.submit(asked, { code: '' })).isRefused).toBe(true);
    const code = await gateway.codeFor(one);
    expect((await visitor.submit(asked, { code: code === '000000' ? '000001' : '000000' })).isRefused).toBe(true);
    expect((await visitor.submit(asked, { code })).url).toBe(url('phones?done=saved'));
    expect((await mails.next(user.email, /added/)).text).toContain(one);
    expect(await numberOf(user.id)).toBe(one);

    await visitor.submit(await add(visitor, two), { code: await gateway.codeFor(two) });
    await press(visitor, 'first', two);
    expect(await numberOf(user.id)).toBe(two);
    expect((await mails.next(user.email, /changed/)).text).toContain(two);
    expect((await visitor.open(url('phones'))).text.match(/phones\/remove/g)).toHaveLength(1);
    await press(visitor, 'remove', one);
    expect((await mails.next(user.email, /removed/)).text).toContain(one);
    await press(visitor, 'remove', two);
    expect(await numberOf(user.id)).toBeUndefined();
  });

  test('that the operator entered can be verified', async () => {
    const given = number();
    const { visitor } = await owner({ phone_number: given });
    const asked = await press(visitor, 'send', given);
    expect((await visitor.submit(asked, { code: await gateway.codeFor(given) })).text).toContain('Verified');
  });

  test('may omit its country if the user selects one', async () => {
    const { visitor } = await owner({ locale: 'de-DE' });
    expect((await add(visitor, '030 901820')).text).toContain('+4930901820');
  });

  test.each([
    ['', 'Enter an email address or phone number.'],
    ['12', 'Enter a phone number with its country code'],
    ['+442079460123', 'We can’t send text messages to this number'],
    ['+18765550123', 'We can’t send text messages to this number'],
  ])('%j is refused with a message, and nothing is sent', async (typed, words) => {
    const { visitor } = await owner();
    const before = gateway.texts.length;
    const answer = await add(visitor, typed);
    expect([answer.isRefused, answer.text.includes(words)]).toEqual([true, true]);
    expect(gateway.texts.length).toBe(before);
  });

  test('gets three codes in a row, and then none', async () => {
    const { visitor } = await owner();
    const one = number();
    for (let i = 0; i < 3; i += 1) expect((await add(visitor, one)).url).toContain('/confirm');
    expect((await add(visitor, one)).text).toContain('You’ve requested too many codes');
    await vi.waitFor(() => expect(gateway.texts.filter(({ to }) => to === one)).toHaveLength(3), { timeout: 60_000 });
  });

  test('of one list cannot be changed through the other list, or by another user', async () => {
    const { user, visitor } = await owner();
    const one = number();
    await visitor.submit(await add(visitor, one), { code: await gateway.codeFor(one) });
    const two = number();
    await visitor.submit(await add(visitor, two), { code: await gateway.codeFor(two) });
    const [row] = await latchkey.app.database.sql<{ id: string }>('select id from contact where value = $1', [two]);
    const page = await visitor.open(url('phones'));
    const contact = formsOf(page).find(({ action }) => action.endsWith('/phones/first'))!.fields['contact']!;
    const { visitor: mallory } = await owner();
    for (const [who, path] of [
      [visitor, 'emails/first'],
      [visitor, 'emails/remove'],
      [visitor, 'emails/send'],
      [mallory, 'phones/first'],
      [mallory, 'phones/remove'],
      [mallory, 'phones/send'],
    ] as const) {
      const csrf = formsOf(await who.open(url(path.split('/')[0]!)))[0]!.fields['csrf']!;
      expect((await who.request(url(path), { form: { csrf, contact } })).status).toBe(303);
    }
    expect(await numberOf(user.id)).toBe(one);
    expect(await latchkey.app.database.sql('select 1 from contact where id = $1', [row!.id])).toHaveLength(1);
  });

  test('cannot be added if text messages are off', async () => {
    await latchkey.run('settings.update', { name: 'sms.countries', value: '[]' });
    const { page } = await owner();
    expect(page.text).toContain('Text messages aren’t available here');
    expect(formsOf(page).some(({ fields }) => 'phone' in fields)).toBe(false);
    await latchkey.run('settings.update', { name: 'sms.countries', value: '["1", "49"]' });
  });
});

/** The link that tests a connection: what it shows, and that it changes nothing. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY } from '#kernel/clock.ts';
import { travel } from '../../support/account.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { newcomer } from '../../support/registration.ts';
import { type Bend, requestIn, samlForm, startSamlProvider, type SamlProvider } from '../../support/saml-provider.ts';
import { formsOf, type Page, Visitor } from '../../support/visitor.ts';

let latchkey: TestApp;
let idp: SamlProvider;
beforeAll(async () => {
  [latchkey, idp] = await Promise.all([startTestApp(), startSamlProvider()]);
  await latchkey.run('connections.create', {
    slug: 'acme',
    name: 'Acme',
    provider: 'saml',
    metadata: idp.metadata(),
    enabled: false,
  });
});
afterAll(() => latchkey.close());

const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
const link = () => latchkey.run<{ url: string }>('connections.test', { connection: 'acme' });
const person = {
  nameId: { value: 'subject-1' },
  attributes: { mail: 'noor@fernway.example', groups: ['Engineering', 'Berlin'], '<b>odd</b>': '<script>x</script>' },
};
const count = async (table: string) => {
  const [row] = await latchkey.app.database.sql<{ n: number }>(`select count(*)::int as n from ${table}`);
  return row?.n;
};

/** Opens a link, and comes to the provider. */
async function begin(visitor: Visitor, url: string) {
  const page = await visitor.open(url);
  const [form] = formsOf(page);
  const away = await visitor.request(form?.action ?? '', { form: form?.fields ?? {} });
  return { page, request: requestIn(away.location ?? '') };
}
const post = (xml: string, relayState: string) =>
  new Visitor().request(`${latchkey.base}/saml/acme/acs`, { form: samlForm(xml, relayState) });

async function pass(url: string, bend: Bend = {}) {
  const visitor = newcomer();
  const { page, request } = await begin(visitor, url);
  const kept = await post(await idp.answer(request, person, bend), request.relayState);
  return { visitor, page, kept, result: await visitor.open(kept.location ?? '') };
}

describe('the test of a connection', () => {
  test('is open to the administrators of its organization, and tells them the same', async () => {
    const { id: organization_id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Fernway' });
    const theirs = await startSamlProvider('https://idp.fernway.example/saml');
    const given = { slug: 'fernway', name: 'Fernway', provider: 'saml', metadata: theirs.metadata(), enabled: false };
    await latchkey.run('organizations.connections.create', { organization_id, ...given });
    const { url } = await latchkey.run<{ url: string }>('organizations.connections.test', {
      organization_id,
      connection: 'fernway',
    });
    const visitor = newcomer();
    const { request } = await begin(visitor, url);
    const form = samlForm(
      await theirs.answer(request, person, { audience: 'https://other.example' }),
      request.relayState,
    );
    const kept = await new Visitor().request(`${latchkey.base}/saml/fernway/acs`, { form });
    const result = await visitor.open(kept.location ?? '');
    expect(words(result)).toContain('The response from Fernway was rejected');
    expect(result.text).toContain('<code>audience</code>');
  });

  test('that is disabled shows what the provider said, once, and changes nothing', async () => {
    const { url } = await link();
    const before = [await count('users'), await count('user_identity')];
    const { visitor, page, kept, result } = await pass(url);
    expect(page.url).not.toContain(url.split('/').at(-1));
    expect(words(page)).toContain('This test changes nothing.');
    expect([result.status, words(result)]).toEqual([200, expect.stringContaining('Acme works')]);
    for (const text of ['subject-1', 'noor@fernway.example', 'Engineering', 'Berlin', '&lt;script&gt;x'])
      expect(result.text).toContain(text);
    expect(result.text).not.toContain('<script>x');
    expect([await count('users'), await count('user_identity')]).toEqual(before);
    expect((await visitor.open(kept.location ?? '')).status).toBe(410);
    expect((await newcomer().open(url)).status).toBe(410);
  });

  test('shows why an answer does not count', async () => {
    const { result } = await pass((await link()).url, { audience: 'https://other.example' });
    expect(words(result)).toContain('The response from Acme was rejected');
    expect(words(result)).toContain('Check the entity ID of this instance at the provider.');
    expect(result.text).toContain('<code>audience</code>');
  });

  test('is good in the browser that opened the link alone', async () => {
    const [mine, theirs] = [newcomer(), newcomer()];
    const { request } = await begin(mine, (await link()).url);
    await theirs.open((await link()).url);
    const kept = await post(await idp.answer(request, person), request.relayState);
    expect((await theirs.open(kept.location ?? '')).status).toBe(410);
    expect((await mine.open(kept.location ?? '')).status).toBe(200);
  });

  test('answers for no sign-in, and a sign-in for no test', async () => {
    const visitor = newcomer();
    const { request } = await begin(visitor, (await link()).url);
    const kept = await post(await idp.answer(request, person), request.relayState);
    const proof = new URL(kept.location ?? '', latchkey.base).searchParams.get('proof');
    const page = await visitor.open(`${latchkey.base}/interaction/none/federation/return?proof=${proof}`);
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect((await visitor.open(kept.location ?? '')).status).toBe(200);
  });

  test('is of its own connection, and works for a day', async () => {
    const { url } = await link();
    expect((await newcomer().open(url.replace('/acme/', '/other/'))).status).toBe(410);
    expect((await newcomer().open(`${latchkey.base}/federation/acme/test/${'x'.repeat(43)}`)).status).toBe(410);
    travel(DAY + 1);
    expect((await newcomer().open(url)).status).toBe(410);
    vi.useRealTimers();
  });
});

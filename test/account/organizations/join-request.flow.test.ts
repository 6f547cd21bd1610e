/** `/account/organizations`: a user asks to join the organization that owns the domain of the email address. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { openDns, type TestDns } from '../../support/dns.ts';
import { Visitor } from '../../support/visitor.ts';

let dns: TestDns;
let latchkey: TestApp;
beforeAll(async () => {
  dns = await openDns();
  latchkey = await startTestApp({ env: { DNS_SERVERS: dns.address } });
});
afterAll(async () => {
  await latchkey.close();
  await dns.close();
});

async function organization(joining: 'off' | 'ask') {
  const domain = `d${randomBytes(5).toString('hex')}.com`;
  const { id: organization_id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Orchard' });
  const { id: domain_id, record } = await latchkey.run<{ id: string; record: { name: string; value: string } }>(
    'organizations.domains.create',
    { organization_id, domain, joining },
  );
  dns.records.set(record.name, [record.value]);
  await latchkey.run('organizations.domains.confirm', { organization_id, domain_id });
  return { organization_id, domain };
}

async function openPage(domain: string, email_verified = true) {
  const user = await latchkey.user({ email: `p${randomBytes(5).toString('hex')}@${domain}`, email_verified });
  const visitor = new Visitor();
  let page = await visitor.open(`${latchkey.base}/account/organizations`);
  page = await visitor.submit(page, { email: user.email });
  page = await visitor.submit(page, { password: user.password });
  return { user, visitor, page };
}

const requests = (organization_id: string) =>
  latchkey.run<{ requests: { user_id: string }[] }>('organizations.join_requests.list', { organization_id });

test('a user asks once, and is a member after the approval', async () => {
  const { organization_id, domain } = await organization('ask');
  const { user, visitor, page } = await openPage(domain);
  expect(page.text).toContain('Your email address lets you request to join');
  const asked = await visitor.submit(page, {}, 'ask');
  expect(asked.text).toContain('You requested to join');
  await visitor.submit(page, {}, 'ask');
  expect((await requests(organization_id)).requests.map(({ user_id }) => user_id)).toEqual([user.id]);
  await latchkey.run('organizations.join_requests.approve', { organization_id, user_id: user.id });
  const after = await visitor.open(page.url);
  expect(after.text).toContain('Orchard');
  expect(after.text).not.toContain('You requested to join');
});

test.each([
  ['the organization lets no user ask', 'off', true],
  ['the email address is not verified', 'ask', false],
] as const)('nothing is offered where %s, whatever is sent', async (_reason, joining, isVerified) => {
  const { organization_id, domain } = await organization(joining);
  const { visitor, page } = await openPage(domain, isVerified);
  expect(page.text).not.toContain('ask to join');
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  await visitor.request(`${latchkey.base}/account/organizations/join`, { form: { csrf, action: 'ask' } });
  expect((await requests(organization_id)).requests).toEqual([]);
});

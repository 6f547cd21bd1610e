/** Users who come to an organization by the domain of their email address, from the record in the DNS to the membership. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { openDns, type TestDns } from '../../support/dns.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';

let dns: TestDns;
let latchkey: TestApp;
let client: TestClient;

beforeAll(async () => {
  dns = await openDns();
  latchkey = await startTestApp({ env: { DNS_SERVERS: dns.address } });
  client = await latchkey.client({ first_party: true, organization_usage: 'require' });
});
beforeEach(() => {
  dns.mode = 'answering';
});
afterAll(async () => {
  await latchkey.close();
  await dns.close();
});

type Domain = { id: string; status: string; record: { name: string; value: string } };
const unique = () => randomBytes(5).toString('hex');

/** An organization with a verified domain. */
async function organization(joining: 'off' | 'join' | 'ask', domain = `d${unique()}.com`) {
  const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: `Acme ${unique()}` });
  const added = await latchkey.run<Domain>('organizations.domains.create', { organization_id: id, domain, joining });
  const of = { organization_id: id, domain_id: added.id };
  dns.records.set(added.record.name, [added.record.value]);
  expect(await latchkey.run('organizations.domains.confirm', of)).toMatchObject({ status: 'verified' });
  return { id, domain, of };
}
const userAt = (domain: string, given = {}) =>
  latchkey.user({ email: `p${unique()}@${domain}`, email_verified: true, ...given });
const members = async (organization_id: string): Promise<string[]> => {
  const answer = await latchkey.run<{ members: { user_id: string }[] }>('organizations.members.list', {
    organization_id,
  });
  return answer.members.map(({ user_id }) => user_id);
};
const requests = async (organization_id: string): Promise<string[]> => {
  const answer = await latchkey.run<{ requests: { user_id: string }[] }>('organizations.join_requests.list', {
    organization_id,
  });
  return answer.requests.map(({ user_id }) => user_id);
};
const requestTo = (extra: Record<string, string> = {}, of = client) =>
  authorizeUrl(latchkey.base, of, { code_challenge: pkce().challenge, ...extra });

async function open(user: TestUser, url = requestTo()) {
  const visitor = new Visitor();
  let page = await visitor.open(url);
  page = await visitor.submit(page, { email: user.email });
  return { visitor, page: await visitor.submit(page, { password: user.password }) };
}

describe('a domain with joining', () => {
  test('makes a user with a verified address there a member at the sign-in, which is for the organization then', async () => {
    const acme = await organization('join');
    const user = await userAt(acme.domain);
    const { page } = await open(user);
    expect(new URL(page.location!).searchParams.get('code')).toMatch(/^[\w-]+$/);
    expect(await members(acme.id)).toEqual([user.id]);
  });

  test('lets no user join by an address that is not verified, or that is below the domain', async () => {
    const acme = await organization('join');
    for (const user of [
      await userAt(acme.domain, { email_verified: false }),
      await userAt(`mail.${acme.domain}`),
      await userAt(`x${acme.domain}`),
    ]) {
      const { page } = await open(user);
      expect(page.location).toBeNull();
    }
    expect(await members(acme.id)).toEqual([]);
  });

  test('does not bring a user back who was removed', async () => {
    const acme = await organization('join');
    const user = await userAt(acme.domain);
    await open(user);
    await latchkey.run('organizations.members.delete', { organization_id: acme.id, user_id: user.id });
    const { page } = await open(user);
    expect(page.text).toContain('Is this your organization?');
    expect(await members(acme.id)).toEqual([]);
  });

  test('counts no more after the organization was suspended, or the domain was removed', async () => {
    const [suspended, removed] = [await organization('join'), await organization('join')];
    await latchkey.run('organizations.suspend', { organization_id: suspended.id });
    await latchkey.run('organizations.domains.delete', removed.of);
    for (const { id, domain } of [suspended, removed]) {
      const { page } = await open(await userAt(domain));
      expect([page.status, page.location]).toEqual([200, null]);
      expect(await members(id)).toEqual([]);
    }
  });

  test('makes one membership of ten sign-ins at once', async () => {
    const acme = await organization('join');
    const user = await userAt(acme.domain);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => open(user)));
    expect(outcomes.map(({ page }) => page.status < 400)).toEqual(outcomes.map(() => true));
    expect(await members(acme.id)).toEqual([user.id]);
  });

  test('joins users of a session that is older than the domain, when an application asks', async () => {
    const domain = `d${unique()}.com`;
    const user = await userAt(domain);
    const { visitor, page } = await open(user);
    expect(page.text).toContain('You don’t belong to an organization');
    const acme = await organization('join', domain);
    const back = await visitor.open(requestTo());
    expect(new URL(back.location!).searchParams.get('code')).toMatch(/^[\w-]+$/);
    expect(await members(acme.id)).toEqual([user.id]);
  });
});

describe('a domain with requests to join', () => {
  test('lets a user ask, and an administrator approve', async () => {
    const acme = await organization('ask');
    const user = await userAt(acme.domain);
    const { visitor, page } = await open(user);
    const asked = await visitor.submit(page, {}, 'ask');
    expect(asked.text).toContain('You requested to join');
    expect(await requests(acme.id)).toEqual([user.id]);
    expect(await members(acme.id)).toEqual([]);
    await latchkey.run('organizations.join_requests.approve', { organization_id: acme.id, user_id: user.id });
    const back = await visitor.open(requestTo());
    expect(new URL(back.location!).searchParams.get('code')).toMatch(/^[\w-]+$/);
    expect([await members(acme.id), await requests(acme.id)]).toEqual([[user.id], []]);
  });

  test('keeps a user out who was refused, and offers it no more', async () => {
    const acme = await organization('ask');
    const user = await userAt(acme.domain);
    const { visitor, page } = await open(user);
    await visitor.submit(page, {}, 'ask');
    await latchkey.run('organizations.join_requests.refuse', { organization_id: acme.id, user_id: user.id });
    expect((await visitor.open(requestTo())).text).not.toContain('Is this your organization?');
    await visitor.submit(page, {}, 'ask');
    expect(await requests(acme.id)).toEqual([]);
    await expect(
      latchkey.run('organizations.join_requests.approve', { organization_id: acme.id, user_id: user.id }),
    ).rejects.toThrow('domains.join_request_not_found');
  });

  test('is decided once by two administrators at once', async () => {
    const acme = await organization('ask');
    const user = await userAt(acme.domain);
    const { visitor, page } = await open(user);
    await visitor.submit(page, {}, 'ask');
    const request = { organization_id: acme.id, user_id: user.id };
    const outcomes = await Promise.allSettled([
      latchkey.run('organizations.join_requests.approve', request),
      latchkey.run('organizations.join_requests.refuse', request),
      latchkey.run('organizations.join_requests.approve', request),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('offers nothing to users of other domains, whatever they send', async () => {
    const acme = await organization('ask');
    const user = await userAt(`d${unique()}.com`);
    const { visitor, page } = await open(user);
    expect(page.text).not.toContain('Is this your organization?');
    await visitor.submit(page, { action: 'ask', organization: acme.id });
    expect(await requests(acme.id)).toEqual([]);
  });
});

describe('the record in the DNS', () => {
  test('is found at the server of DNS_SERVERS, and a server that fails is no proof', async () => {
    const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Acme' });
    const domain = `d${unique()}.com`;
    const added = await latchkey.run<Domain>('organizations.domains.create', { organization_id: id, domain });
    expect(added.record.name).toBe(`_latchkey-challenge.${domain}`);
    const of = { organization_id: id, domain_id: added.id };
    await expect(latchkey.run('organizations.domains.confirm', of)).rejects.toThrow('domains.record_missing');
    dns.mode = 'failing';
    await expect(latchkey.run('organizations.domains.confirm', of)).rejects.toThrow('domains.dns_unreachable');
  });

  test.each([
    ['gmail.com', 'domains.free_mail'],
    ['co.uk', 'domains.public_suffix'],
    ['http://acme.com', 'domains.invalid'],
  ])('of %s proves nothing: %s', async (domain, code) => {
    const { id } = await latchkey.run<{ id: string }>('organizations.create', { name: 'Acme' });
    await expect(latchkey.run('organizations.domains.create', { organization_id: id, domain })).rejects.toThrow(code);
  });

  test('belongs to its organization: another one finds no such domain', async () => {
    const [acme, other] = [await organization('join'), await organization('join')];
    for (const [name, input] of [
      ['confirm', {}],
      ['update', { joining: 'off' }],
      ['delete', {}],
    ] as const)
      await expect(
        latchkey.run(`organizations.domains.${name}`, { ...acme.of, organization_id: other.id, ...input }),
      ).rejects.toThrow('domains.not_found');
  });
});

/** Each act on an organization ends the tokens that its row names, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operator } from '#audit/module.ts';
import { OrganizationClientService } from '#directory/organization-clients/module.ts';
import { MemberService } from '#directory/organizations/member-service.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Id } from '#kernel/ids.ts';
import { organizationEndings } from '#oidc/module.ts';
import { openAudit } from '../../support/audit.ts';
import { startTestApp, type TestApp, type TestClient, type TestUser } from '../../support/app.ts';
import { post, tokensFor, type TokenAnswer } from '../../support/visitor.ts';
import { noRoles } from '../../support/no-roles.ts';

let latchkey: TestApp;
let client: TestClient;
let machine: TestClient;
beforeAll(async () => {
  latchkey = await startTestApp();
  client = await latchkey.client({ first_party: true, organization_usage: 'allow' });
  machine = await latchkey.client({ type: 'machine', redirect_uris: undefined, organization_usage: 'allow' });
});
afterAll(() => latchkey.close());

const database = () => latchkey.app.database;
const audit = () => openAudit({ clock: systemClock, database: database() }).log;
const members = () => new MemberService({ clock: systemClock, database: database(), audit: audit(), roles: noRoles });
const clients = () =>
  new OrganizationClientService({
    clock: systemClock,
    database: database(),
    audit: audit(),
    clients: { find: async () => ({ metadata: { grant_types: ['client_credentials'] } }) as never },
  });

type Held = { organization_id: Id<'org'>; user: TestUser };
type Act = keyof typeof organizationEndings;
const run = (name: string, members: object) => latchkey.run(name, members);

const acts: Readonly<Record<Act, (held: Held) => Promise<unknown>>> = {
  'member removed': ({ organization_id, user }) =>
    run('organizations.members.delete', { organization_id, user_id: user.id }),
  'organization left': ({ organization_id, user }) => members().leave(organization_id, user.id as Id<'usr'>, operator),
  'client no longer allowed': ({ organization_id }) => clients().remove(organization_id, machine.client_id, operator),
  'organization suspended': ({ organization_id }) => run('organizations.suspend', { organization_id }),
  'organization closed': ({ organization_id }) => run('organizations.close', { organization_id }),
  'organization erased': async ({ organization_id }) => {
    await run('settings.update', { name: 'organizations.closingDays', value: 0 });
    await run('organizations.close', { organization_id });
    await run('settings.update', { name: 'organizations.closingDays', value: 30 });
  },
};
const undo: Partial<Record<Act, string>> = {
  'organization suspended': 'organizations.resume',
  'organization closed': 'organizations.reopen',
};

const isActive = async (token: string, who = client): Promise<boolean> =>
  (await post(`${latchkey.base}/oidc/introspect`, who, { token })).body['active'] === true;
const signIn = (user: TestUser, extra: Record<string, string> = {}) =>
  tokensFor(latchkey.base, client, user, { scope: 'openid offline_access', prompt: 'consent', ...extra });
const refresh = (token: string): Promise<TokenAnswer> =>
  post(`${latchkey.base}/oidc/token`, client, { grant_type: 'refresh_token', refresh_token: token });

test.each(Object.entries(organizationEndings) as [Act, { tokens: string; until?: string }][])(
  '%s',
  async (act, { tokens, until }) => {
    const [owner, user] = [await latchkey.user(), await latchkey.user()];
    const { id: organization_id } = await latchkey.run<{ id: Id<'org'> }>('organizations.create', {
      name: 'Acme',
      owner: owner.id,
    });
    await run('organizations.members.create', { organization_id, user_id: user.id });
    await clients().allow(organization_id, machine.client_id, operator);
    const there = { organization: organization_id };
    const ofUser = await signIn(user, there);
    const ofOwner = await signIn(owner, there);
    const elsewhere = await signIn(user);
    const { body: ofClient } = await post(`${latchkey.base}/oidc/token`, machine, {
      grant_type: 'client_credentials',
      ...there,
    });
    const held = async () => ({
      'of the user': await isActive(ofUser.access_token),
      'of another user': await isActive(ofOwner.access_token),
      'of the client': await isActive(ofClient.access_token, machine),
      elsewhere: await isActive(elsewhere.access_token),
    });
    const before = await held();
    expect(Object.values(before)).toEqual([true, true, true, true]);

    await acts[act]({ organization_id, user });
    expect(await held()).toEqual({
      'of the user': tokens === 'of the client',
      'of another user': tokens !== 'all',
      'of the client': tokens === 'of the user',
      elsewhere: true,
    });
    if (undo[act] !== undefined) {
      await run(undo[act], { organization_id });
      expect(await held()).toEqual(before);
      await acts[act]({ organization_id, user });
    }
    expect(undo[act] !== undefined).toBe(until !== undefined);
    expect((await refresh(ofUser.refresh_token)).status).toBe(tokens === 'of the client' ? 200 : 400);
    expect((await refresh(elsewhere.refresh_token)).status).toBe(200);
  },
);

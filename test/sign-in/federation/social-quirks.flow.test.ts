/** Peculiar answers of single providers, and known attacks on them, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../../support/app.ts';
import { identitiesOf } from '../../support/federation.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { type Social, startSocial } from '../../support/social.ts';
import type { Bent } from '../../support/social-rows.ts';
import { authorizeUrl, type Page, pkce } from '../../support/visitor.ts';

let it: Social;
let client: TestClient;
beforeAll(async () => {
  it = await startSocial();
  client = await it.latchkey.client({ first_party: true });
});
afterAll(() => it.close());

const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

async function arrive(provider: string, bent: Bent, form: Record<string, string> = {}): Promise<Page> {
  const visitor = newcomer();
  it.tell(provider, bent, form);
  const begun = await visitor.open(authorizeUrl(it.latchkey.base, client, { code_challenge: pkce().challenge }));
  return it.pass(visitor, begun, provider);
}
const refused = ({ status, ...page }: Page) => [status, words({ status, ...page }).includes('couldn’t sign you in')];

describe('Microsoft', () => {
  const tenant = (id: string) => `https://login.microsoftonline.com/${id}/v2.0`;
  const [home, evil] = ['9122040d-6c67-4c5b-b112-36a304b66dad', '0e2d1c4b-0000-4000-8000-36a304b66dad'];

  // https://learn.microsoft.com/en-us/entra/identity-platform/migrate-off-email-claim-authorization
  test('names an administrator’s address for an account of a foreign tenant: it opens no account (nOAuth)', async () => {
    const victim = await it.latchkey.user({ email_verified: true });
    const claims = {
      tid: evil,
      iss: tenant(evil),
      preferred_username: victim.email,
      upn: victim.email,
      email_verified: true,
    };
    const page = await arrive('microsoft', { subject: 'noauth', email: victim.email, more: claims });
    expect(pathOf(page)).toBe('/create');
    expect(await identitiesOf(it.latchkey, victim.email)).toEqual([]);
    // With the address as verified by the tenant, its user still proves the account in the way of before.
    const proved = await arrive('microsoft', {
      subject: 'edov',
      email: victim.email,
      more: { ...claims, xms_edov: true },
    });
    expect(pathOf(proved)).toBe('/federation/confirm');
    expect(await identitiesOf(it.latchkey, victim.email)).toEqual([]);
  });

  test('has the same subject in two tenants: they are two users', async () => {
    const of = (id: string) => ({
      subject: 'twice',
      email: `${id.slice(0, 4)}@social.example`,
      more: { tid: id, iss: tenant(id), xms_edov: true },
    });
    expect(isDone(await arrive('microsoft', of(home)))).toBe(true);
    expect(isDone(await arrive('microsoft', of(evil)))).toBe(true);
    for (const id of [home, evil])
      expect(await identitiesOf(it.latchkey, `${id.slice(0, 4)}@social.example`)).toMatchObject([
        { issuer: tenant(id), subject: 'twice' },
      ]);
  });

  test.each<[string, Record<string, unknown>]>([
    ['of another tenant than it names', { tid: home, iss: tenant(evil) }],
    ['without a tenant', { tid: undefined, iss: tenant(home) }],
    ['of a template', { tid: '{tenantid}', iss: tenant('{tenantid}') }],
    ['of a path in place of a tenant', { tid: '../evil', iss: tenant('../evil') }],
    ['of a tenant in capitals', { tid: home.toUpperCase(), iss: tenant(home.toUpperCase()) }],
    ['of a list of tenants', { tid: [home], iss: tenant(home) }],
    ['of version 1', { tid: home, iss: `https://sts.windows.net/${home}/` }],
    ['of another cloud', { tid: home, iss: `https://login.microsoftonline.us/${home}/v2.0` }],
  ])('with a token %s signs nobody in', async (_, more) => {
    expect(refused(await arrive('microsoft', { subject: 'confused', email: 'confused@social.example', more }))).toEqual(
      [403, true],
    );
  });

  test('at the connection of one tenant takes no user of another one', async () => {
    await it.latchkey.run('connections.update', {
      connection: 'microsoft',
      issuer: tenant(home),
      client_secret: 'shared secret',
    });
    try {
      const of = (id: string) => ({
        subject: 'single',
        email: 'single@social.example',
        more: { tid: id, iss: tenant(id) },
      });
      it.tenant.issuer = tenant(home);
      expect(refused(await arrive('microsoft', of(evil)))).toEqual([403, true]);
      expect(pathOf(await arrive('microsoft', of(home)))).toBe('/create');
    } finally {
      it.tenant.issuer = tenant('{tenantid}');
      await it.latchkey.run('connections.update', {
        connection: 'microsoft',
        issuer: null,
        client_secret: 'shared secret',
      });
    }
  });
});

describe('Apple', () => {
  const nameOf = async (email: string) => (await findUser(it.latchkey, email))?.['profile'];

  test('sends the name with the first answer alone, and it stays', async () => {
    const person = { subject: '001.first.1', email: 'first@privaterelay.appleid.com', verified: 'true' };
    const user = '{"name":{"firstName":"Nina","lastName":"Fernway"},"email":"other@social.example"}';
    expect(isDone(await arrive('apple', person, { user }))).toBe(true);
    expect(await nameOf(person.email)).toMatchObject({
      name: 'Nina Fernway',
      given_name: 'Nina',
      family_name: 'Fernway',
    });
    expect(isDone(await arrive('apple', person))).toBe(true);
    expect(await nameOf(person.email)).toMatchObject({ name: 'Nina Fernway' });
    // The browser could write anything into the form: nothing of it identifies.
    expect(await findUser(it.latchkey, 'other@social.example')).toBeUndefined();
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['a text', '"Nina"'],
    ['a name of another kind', '{"name":"Nina","sub":"001.other.1","email_verified":true}'],
    ['objects in place of texts', '{"name":{"firstName":{"a":1},"lastName":["b"]}}'],
    ['a prototype', '{"__proto__":{"sub":"001.other.1"},"name":{"__proto__":{"firstName":"Eve"}}}'],
    ['HTML', '{"name":{"firstName":"<b>\\u202e","lastName":"\\u0000<script>"}}'],
  ])('with %s as the user signs in all the same', async (label, user) => {
    const email = `${label.replaceAll(' ', '-').toLowerCase()}@privaterelay.appleid.com`;
    expect(isDone(await arrive('apple', { subject: `001.${label}.2`, email }, { user }))).toBe(true);
    expect(await identitiesOf(it.latchkey, email)).toMatchObject([{ subject: `001.${label}.2` }]);
    expect(JSON.stringify(await nameOf(email))).not.toMatch(/Eve|\\u0000|\u202e/);
  });
});

describe('GitHub', () => {
  const [primary, second] = ['primary@social.example', 'second@social.example'];
  const told = (email: string, verified: unknown, isPrimary: unknown) => ({ email, verified, primary: isPrimary });
  test.each<[string, object[], 'trusted' | 'untrusted' | 'none']>([
    [
      'a second verified address beside the primary one',
      [told(second, true, false), told(primary, true, true)],
      'trusted',
    ],
    ['only a second address as verified', [told(second, true, false), told(primary, false, true)], 'untrusted'],
    ['the primary address twice, once unverified', [told(primary, true, true), told(primary, false, true)], 'none'],
    ['two primary addresses', [told(primary, true, true), told(second, true, true)], 'none'],
    ['no primary address', [told(primary, true, false)], 'none'],
    ['a primary address by a text', [told(primary, true, 'true')], 'none'],
    ['nothing', [], 'none'],
  ])('lists %s: %3$s', async (label, list, standing) => {
    await it.latchkey.app.database.sql('delete from users where email = any($1)', [[primary, second]]);
    const page = await arrive('github', { subject: 7_000_000 + label.length, list, more: { email: second } });
    expect(isDone(page) ? 'created' : pathOf(page)).toBe(standing === 'trusted' ? 'created' : '/create');
    expect(page.text.includes(primary)).toBe(standing === 'untrusted');
    expect(page.text).not.toContain(second);
  });
});

describe('LinkedIn', () => {
  // It changed the issuer of its ID tokens in 2024: https://github.com/keycloak/keycloak/issues/28686
  test.each<[string, Record<string, unknown>]>([
    ['of its issuer of before', { iss: 'https://www.linkedin.com' }],
    ['for another client', { aud: 'other', sub: 'other' }],
    ['that is over', { exp: 1_600_000_000 }],
  ])('sends an ID token along %s: its API says who the user is', async (label, alongside) => {
    const email = `linkedin-${label.length}@social.example`;
    expect(isDone(await arrive('linkedin', { subject: `li-${label.length}`, email, alongside }))).toBe(true);
    expect(await identitiesOf(it.latchkey, email)).toMatchObject([{ subject: `li-${label.length}` }]);
  });
});

test('Slack has names of its own for user and workspace: the subject alone identifies', async () => {
  const own = (user: string) => ({ 'https://slack.com/user_id': user, 'https://slack.com/team_id': 'T0RR', ok: true });
  expect(isDone(await arrive('slack', { subject: 'U1', email: 'u1@social.example', more: own('U1') }))).toBe(true);
  expect(isDone(await arrive('slack', { subject: 'U1', email: 'u9@social.example', more: own('U2') }))).toBe(true);
  expect(await identitiesOf(it.latchkey, 'u1@social.example')).toMatchObject([{ subject: 'U1' }]);
  const nested = {
    subject: undefined,
    email: 'u3@social.example',
    more: { ...own('U3'), user: { id: 'U3', sub: 'U3' } },
  };
  expect(refused(await arrive('slack', nested))).toEqual([403, true]);
});

test.each(['facebook', 'oidc'])(
  '%s answers with more than an answer may have: nobody is signed in',
  async (provider) => {
    const name = 'N'.repeat(300_000);
    expect(refused(await arrive(provider, { subject: 'large', email: 'large@social.example', name }))).toEqual([
      403,
      true,
    ]);
  },
);

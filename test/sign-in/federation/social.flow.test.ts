/** A sign-in by each provider, from its button to the tokens; and what each of them could say that must do no harm. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../../support/app.ts';
import { identitiesOf } from '../../support/federation.ts';
import { findUser, newcomer } from '../../support/registration.ts';
import { type Social, startSocial } from '../../support/social.ts';
import { type Bent, type SocialRow, socialRows } from '../../support/social-rows.ts';
import { authorizeUrl, type Page, pkce, post, type Visitor } from '../../support/visitor.ts';

let it: Social;
let own: TestClient;
let other: TestClient;
beforeAll(async () => {
  it = await startSocial();
  [own, other] = await Promise.all([it.latchkey.client({ first_party: true }), it.latchkey.client()]);
});
afterAll(() => it.close());

const rows = socialRows.map((row): [string, SocialRow] => [row.provider, row]);
const isDone = ({ location }: Page): boolean => location?.includes('code=') ?? false;
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const words = ({ text }: Page): string => text.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

let people = 0;
/** A user of the provider who has no account here. */
function someone({ provider, saysVerified }: SocialRow, more: Bent = {}): Bent & { email: string; name: string } {
  people += 1;
  return {
    subject: provider === 'github' ? 1_000_000 + people : `user-${people}`,
    email: `person-${people}@social.example`,
    name: `Person ${people}`,
    ...(saysVerified ? { verified: true } : {}),
    ...more,
  } as Bent & { email: string; name: string };
}
async function arrive(
  provider: string,
  bent: Bent,
  { form, visitor = newcomer() }: { form?: Record<string, string>; visitor?: Visitor } = {},
): Promise<{ visitor: Visitor; page: Page }> {
  it.tell(provider, bent, form);
  const begun = await visitor.open(authorizeUrl(it.latchkey.base, own, { code_challenge: pkce().challenge }));
  return { visitor, page: await it.pass(visitor, begun, provider) };
}
/** Fills in the form of a new account, as far as the provider did not. */
async function register(visitor: Visitor, page: Page, email: string, name: string): Promise<Page> {
  const check = await visitor.submit(page, { name, email });
  const { code } = await it.mails.next(email);
  return visitor.submit(check, { code });
}

describe.each(rows)('%s', (provider, row) => {
  test('leads from its button over the account and the consent to tokens, with the documented answer', async () => {
    const visitor = newcomer();
    const { verifier, challenge } = pkce();
    it.tell(provider);
    const begun = await visitor.open(
      authorizeUrl(it.latchkey.base, other, { code_challenge: challenge, scope: 'openid profile email' }),
    );
    const arrived = await it.pass(visitor, begun, provider);
    const suggested =
      /type="email"[^>]*value="([^"]*)"/.exec(arrived.text)?.[1] ?? /value="([^"@]+@[^"]+)"/.exec(arrived.text)?.[1];
    const consent = row.isTrusted ? arrived : await register(visitor, arrived, suggested ?? '', 'Sample');
    expect(pathOf(consent)).toBe('/consent');
    const end = await visitor.submit(consent, {}, 'allow');
    const code = new URL(end.location ?? 'about:blank').searchParams.get('code') ?? '';
    const { body } = await post(`${it.latchkey.base}/oidc/token`, other, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: other.redirect_uris[0] ?? '',
      code_verifier: verifier,
    });
    const answer = await fetch(`${it.latchkey.base}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    });
    const { email } = (await answer.json()) as { email: string };
    expect(decodeJwt(body.id_token)).toMatchObject({ iss: it.latchkey.base, amr: [row.isTrusted ? 'fed' : 'otp'] });
    expect(await findUser(it.latchkey, email)).toMatchObject({ email_verified: true });
    const [identity] = await identitiesOf(it.latchkey, email);
    expect(identity).toMatchObject({ connection: provider, issuer: row.issuer });
  });

  test('signs the same user in again, whatever address it gives then', async () => {
    const person = someone(row);
    const first = await arrive(provider, person);
    if (!row.isTrusted) expect(isDone(await register(first.visitor, first.page, person.email, person.name))).toBe(true);
    const { page } = await arrive(provider, { ...person, email: `moved-${person.email}`, name: 'Renamed' });
    expect(isDone(page)).toBe(true);
    expect(await findUser(it.latchkey, `moved-${person.email}`)).toBeUndefined();
    expect(await findUser(it.latchkey, person.email)).toMatchObject({ email: person.email });
    expect(await identitiesOf(it.latchkey, person.email)).toHaveLength(1);
  });

  test.each<[string, unknown]>([
    ['no address', undefined],
    ['a list of addresses', ['list@social.example']],
    ['an address with a line break', 'a@social.example\r\nBcc: b@social.example'],
  ])('with %s has its user prove one', async (_, email) => {
    const { page } = await arrive(provider, someone(row, { email }));
    expect(pathOf(page)).toBe('/create');
    expect(page.text).not.toContain('Bcc:');
  });

  test('does not take an account over by its address: neither unverified, nor with another subject', async () => {
    const victim = await it.latchkey.user({ email_verified: true });
    const claims = row.saysVerified
      ? [false, 'true', 'false', 1, [true], { value: true }, null, undefined]
      : [undefined];
    for (const verified of claims) {
      if (provider === 'apple' && verified === 'true') continue;
      const bent = someone(row, { email: victim.email, ...(row.saysVerified ? { verified } : {}) });
      if (provider === 'x') continue;
      expect(pathOf((await arrive(provider, bent)).page), JSON.stringify(verified)).toBe('/create');
    }
    // A verified one leads to the sign-in of before; the identity waits for it.
    const { page } = await arrive(provider, someone(row, { email: victim.email }));
    expect(pathOf(page)).toBe(row.isTrusted ? '/federation/confirm' : '/create');
    expect(await identitiesOf(it.latchkey, victim.email)).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['missing', undefined],
    [provider === 'github' ? 'a text' : 'a number', provider === 'github' ? '583231' : 583_231],
    ['a list', ['583231']],
  ])('with an identifier that is %s signs nobody in', async (_, subject) => {
    const person = someone(row);
    const { page } = await arrive(provider, { ...person, subject });
    expect([page.status, words(page)]).toEqual([403, expect.stringContaining('couldn’t sign you in')]);
    expect(await findUser(it.latchkey, person.email)).toBeUndefined();
  });

  test('with texts of every kind where names belong keeps one harmless line of them, and fetches nothing', async () => {
    const odd = `\u202e<script>alert(1)</script>\u0000\r\n\u2066\u061c${'N'.repeat(5000)}`;
    const person = someone(row, {
      name: odd,
      more: {
        given_name: { first: 'Nina' },
        first_name: { first: 'Nina' },
        family_name: ['Fernway'],
        last_name: ['Fernway'],
        locale: { language: ['de'], country: 7 },
        picture: 'javascript:alert(1)',
        avatar_url: 'http://169.254.169.254/latest/meta-data/',
        profile: 'http://127.0.0.1:1/',
        groups: { admin: true },
        roles: 'SUPER_ADMIN',
      },
    });
    const before = it.asked.length;
    const arrived = await arrive(provider, person);
    expect(it.asked.slice(before).filter((url) => /169\.254|127\.0\.0\.1:1\/|javascript/.test(url))).toEqual([]);
    const end = row.isTrusted
      ? arrived.page
      : await register(arrived.visitor, arrived.page, person.email, 'Nina Fernway');
    expect(isDone(end)).toBe(true);
    const user = await findUser(it.latchkey, person.email);
    const { name = '' } = (user?.['profile'] ?? {}) as { name?: string };
    expect(name).not.toMatch(/[\p{Cc}\p{Bidi_C}]/u);
    expect(name.length).toBeLessThanOrEqual(200);
    expect(user).toMatchObject({ is_administrator: false });
    const account = await arrived.visitor.open(`${it.latchkey.base}/account/linked-accounts`);
    expect(account.text).not.toContain('<script>alert');
  });
});

/** A second factor at the provider: it counts here where the connection says so, for OpenID Connect and SAML, and never otherwise. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApp, TestClient } from '../../support/app.ts';
import { type Federation, someone, startFederation } from '../../support/federation.ts';
import { newcomer } from '../../support/registration.ts';
import { samlPerson, type SamlFederation, startSamlFederation } from '../../support/saml-federation.ts';
import { requestIn } from '../../support/saml-provider.ts';
import { authorizeUrl, formsOf, type Page, pkce, post, type Visitor } from '../../support/visitor.ts';

let openid: Federation;
let saml: SamlFederation;
beforeAll(async () => {
  [openid, saml] = await Promise.all([startFederation(), startSamlFederation()]);
  // One connection for each provider of SAML.
  await saml.latchkey.run('connections.delete', { connection: 'acme' });
});
afterAll(() => Promise.all([openid.close(), saml.close()]));

const REFEDS = 'https://refeds.org/profile/mfa';
const OKTA = 'urn:okta:loa:2fa:any';
const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';
const pathOf = ({ url }: Page): string => new URL(url).pathname.replace(/\/interaction\/[\w-]+/, '');
const essential = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:latchkey:acr:2'] } } });
let count = 0;

type Claims = Record<string, unknown>;
/** One protocol: a connection, a way there, and an answer that says how the user proved who they are. */
type Way = {
  latchkey(): TestApp;
  client(): TestClient;
  connect(slug: string, given: Claims): Promise<unknown>;
  /** Comes back; `said`: claims of OpenID Connect, or the context of SAML. */
  back(visitor: Visitor, away: Page, slug: string, said: { acr?: string; amr?: string[] }): Promise<Page>;
};
const ways: Record<string, Way> = {
  'OpenID Connect': {
    latchkey: () => openid.latchkey,
    client: () => openid.client,
    connect: (slug, given) => openid.connect(slug, given),
    back(visitor, away, slug, said) {
      openid.tell(someone(said));
      return visitor.open(openid.callback(away, slug));
    },
  },
  SAML: {
    latchkey: () => saml.latchkey,
    client: () => saml.client,
    connect: (slug, given) => saml.connect(slug, given),
    async back(visitor, away, slug, { acr = PASSWORD }) {
      const request = requestIn(away.location ?? '');
      const xml = await saml.idp.answer(request, samlPerson(), { assertion: { contextClass: acr } });
      return visitor.open((await saml.post(xml, request.relayState, slug)).location ?? '');
    },
  },
};

describe.each(Object.entries(ways))('%s', (_name, way) => {
  /** A new connection, and a user who comes back from it to a request for a second factor. */
  async function arrive(given: Claims, said: { acr?: string; amr?: string[] }) {
    count += 1;
    const [slug, visitor, proof, latchkey] = [`factors-${count}`, newcomer(), pkce(), way.latchkey()];
    await way.connect(slug, given);
    const url = authorizeUrl(latchkey.base, way.client(), { code_challenge: proof.challenge, claims: essential });
    const page = await visitor.open(url);
    const form = formsOf(page).find(({ action }) => action.endsWith(`/federation/${slug}`));
    const away = await visitor.request(form?.action ?? '', { form: { ...form?.fields, action: 'federation' } });
    const end = await way.back(visitor, away, slug, said);
    await latchkey.run('connections.delete', { connection: slug });
    return { away, end, proof };
  }
  async function idToken({ end, proof }: Awaited<ReturnType<typeof arrive>>) {
    const { body } = await post(`${way.latchkey().base}/oidc/token`, way.client(), {
      grant_type: 'authorization_code',
      code: new URL(end.location ?? way.latchkey().base).searchParams.get('code') ?? '',
      code_verifier: proof.verifier,
      redirect_uri: way.client().redirect_uris[0] ?? '',
    });
    return decodeJwt(body.id_token);
  }

  test.each<[string, Claims, { acr: string; amr?: string[] }]>([
    ['the usual context', { trusts_factors: true }, { acr: REFEDS }],
    ['a named context', { trusts_factors: true, mfa_contexts: [OKTA] }, { acr: OKTA }],
  ])('%s of a trusted connection is the second factor, as the ID token says', async (_what, given, said) => {
    const arrived = await arrive(given, said);
    expect(await idToken(arrived)).toMatchObject({
      acr: 'urn:latchkey:acr:2',
      amr: expect.arrayContaining(['fed', 'mfa']),
    });
  });

  test.each<[string, Claims, { acr: string; amr?: string[] }]>([
    ['of a connection that is not trusted', { trusts_factors: false }, { acr: REFEDS, amr: ['mfa'] }],
    ['that the connection does not name', { trusts_factors: true, mfa_contexts: [OKTA] }, { acr: REFEDS }],
    ['of a password', { trusts_factors: true }, { acr: PASSWORD, amr: ['pwd', 'otp'] }],
    ['that differs by its case', { trusts_factors: true }, { acr: REFEDS.toUpperCase() }],
    ['of our own words', { trusts_factors: true }, { acr: 'urn:latchkey:acr:2' }],
  ])('a context %s is none: the user adds a second factor here', async (_what, given, said) => {
    const { end } = await arrive(given, said);
    expect([end.location, pathOf(end)]).toEqual([null, '/enrol-factor']);
  });

  test('named contexts are asked for where the application needs a second factor and they count', async () => {
    const asked = async (given: Claims): Promise<boolean> => {
      const { location } = (await arrive({ mfa_contexts: [OKTA], ...given }, {})).away;
      const { searchParams } = new URL(location ?? '');
      return searchParams.has('SAMLRequest')
        ? requestIn(location ?? '').xml.includes(OKTA)
        : searchParams.get('acr_values') === OKTA;
    };
    expect([await asked({ trusts_factors: true }), await asked({ trusts_factors: false })]).toEqual([true, false]);
  });
});

test('the method `mfa` of OpenID Connect counts, in a list alone', async () => {
  await openid.connect('methods', { trusts_factors: true });
  const end = async (amr: unknown) => {
    const visitor = newcomer();
    openid.tell(someone({ amr }));
    return openid.pass(visitor, await openid.begin(visitor, { claims: essential }), 'methods');
  };
  expect((await end(['pwd', 'mfa'])).location).toContain('code=');
  for (const amr of ['mfa', ['MFA'], ['mfa '], { mfa: true }, [['mfa']]])
    expect(pathOf(await end(amr))).toBe('/enrol-factor');
});

test('contexts belong to OpenID Connect and SAML, and one with a space to SAML alone', async () => {
  await expect(openid.connect('spaced', { mfa_contexts: ['two words'] })).rejects.toThrow('connections.invalid');
  await expect(
    openid.latchkey.run('connections.create', {
      slug: 'github',
      provider: 'github',
      client_id: 'latchkey',
      client_secret: 'shared secret',
      mfa_contexts: [OKTA],
    }),
  ).rejects.toThrow('connections.invalid');
});

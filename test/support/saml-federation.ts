/** The product with an identity provider of SAML, and browsers that go there and come back. */
import { startTestApp } from './app.ts';
import { newcomer, ownNetworks } from './registration.ts';
import { type Bend, type Person, requestIn, samlForm, type SamlRequest, startSamlProvider } from './saml-provider.ts';
import { authorizeUrl, formsOf, type Page, pkce, Visitor } from './visitor.ts';

export type SamlFederation = Awaited<ReturnType<typeof startSamlFederation>>;

let people = 0;
/** A user of the provider who has no account here. */
export function samlPerson(): Person & { email: string; nameId: { value: string } } {
  people += 1;
  const email = `saml-${people}@fernway.example`;
  return {
    email,
    nameId: { value: `subject-${people}` },
    attributes: { mail: email, givenName: 'Noor', sn: 'Haddad', displayName: 'Noor Haddad', memberOf: ['a', 'b'] },
  };
}

export async function startSamlFederation(settings: Readonly<Record<string, unknown>> = {}) {
  const [latchkey, idp] = await Promise.all([startTestApp({ env: ownNetworks, settings }), startSamlProvider()]);
  const client = await latchkey.client({ first_party: true });

  const connect = (slug: string, given: Record<string, unknown> = {}) =>
    latchkey.run<{ id: string }>('connections.create', {
      slug,
      name: 'Acme',
      provider: 'saml',
      metadata: idp.metadata(),
      trusts_email: true,
      links_by_email: true,
      ...given,
    });
  const begin = (visitor: Visitor, extra: Record<string, string> = {}) =>
    visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra }));
  /** Presses the button: the redirect to the provider. */
  async function press(visitor: Visitor, page: Page, slug = 'acme'): Promise<Page> {
    const form = formsOf(page).find(({ action }) => action.endsWith(`/federation/${slug}`));
    if (!form) throw new Error(`no button of ${slug} at ${page.url} (${page.status})`);
    return visitor.request(form.action, { form: { ...form.fields, action: 'continue' } });
  }
  /** A browser at the provider. */
  const asked = async (visitor: Visitor): Promise<SamlRequest> =>
    requestIn((await press(visitor, await begin(visitor))).location ?? '');
  /** The page of the provider posts a form: it is of another site, so it comes without our cookies. */
  const post = (xml: string, relayState: string, slug = 'acme', browser = new Visitor()) =>
    browser.request(`${latchkey.base}/saml/${slug}/acs`, {
      form: samlForm(xml, relayState),
      headers: { origin: 'https://idp.example', 'sec-fetch-site': 'cross-site' },
    });
  /** A whole sign-in. */
  async function arrive(person: Person, bend: Bend = {}, visitor = newcomer()) {
    const request = await asked(visitor);
    const kept = await post(await idp.answer(request, person, bend), request.relayState);
    return { visitor, kept, page: kept.status === 303 ? await visitor.open(kept.location ?? '') : kept };
  }
  /** The last reason in the audit log. */
  async function lastRefusal(): Promise<string | undefined> {
    const [event] = await latchkey.app.database.sql<{ details: { reason: string } }>(
      `select details from audit_record where type = 'user.sign_in_failed' order by at desc limit 1`,
    );
    return event?.details.reason;
  }

  await connect('acme');
  return {
    latchkey,
    idp,
    client,
    connect,
    begin,
    press,
    asked,
    post,
    arrive,
    lastRefusal,
    close: () => latchkey.close(),
  };
}

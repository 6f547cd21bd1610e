/** The product with an upstream provider on loopback, and browsers that go there and come back. */
import { startTestApp, type TestApp, type TestClient } from './app.ts';
import { type Mails, openMails } from './mails.ts';
import { ownNetworks } from './registration.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { authorizeUrl, formsOf, type Page, pkce, type Visitor } from './visitor.ts';

/** Members of the ID token that the provider gives next. */
export type Told = Readonly<Record<string, unknown>>;

export type Federation = {
  latchkey: TestApp;
  upstream: Upstream;
  client: TestClient;
  mails: Mails;
  /** Another connection to the same provider. */
  connect(slug: string, given?: Record<string, unknown>): Promise<string>;
  /** The user that the provider signs in from now on. */
  tell(claims: Told): void;
  /** The first page of a sign-in. */
  begin(visitor: Visitor, extra?: Record<string, string>): Promise<Page>;
  /** Presses the button of a connection: the redirect to the provider. */
  press(visitor: Visitor, page: Page, slug?: string): Promise<Page>;
  /** The address to which the provider sends the browser back. */
  callback(away: Page, slug?: string): string;
  /** Presses the button, and comes back with an answer. */
  pass(visitor: Visitor, page: Page, slug?: string): Promise<Page>;
  close(): Promise<void>;
};

const seconds = () => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
let people = 0;

/** A user of the provider who has no account here. */
export function someone(more: Told = {}): { sub: string; email: string; email_verified: unknown; name: string } & Told {
  people += 1;
  return {
    sub: `upstream-${people}`,
    email: `person-${people}@upstream.example`,
    email_verified: true,
    name: `Person ${people}`,
    ...more,
  };
}

export async function startFederation(settings: Readonly<Record<string, unknown>> = {}): Promise<Federation> {
  const upstream = await startUpstream();
  const mails = await openMails();
  const latchkey = await startTestApp({ env: { OUTBOUND_ALLOW: '127.0.0.1', ...mails.env, ...ownNetworks }, settings });
  const client = await latchkey.client({ first_party: true });
  let told: Told = {};
  // The stub gives the nonce as the code.
  upstream.openid(upstream.url, ({ body }) => ({
    iss: upstream.url,
    aud: 'latchkey',
    exp: seconds() + 3600,
    iat: seconds(),
    nonce: body.get('code'),
    ...told,
  }));
  const federation: Federation = {
    latchkey,
    upstream,
    client,
    mails,
    async connect(slug, given = {}) {
      const { id } = await latchkey.run<{ id: string }>('connections.create', {
        slug,
        name: 'Acme',
        provider: 'oidc',
        issuer: upstream.url,
        client_id: 'latchkey',
        client_secret: 'shared secret',
        trusts_email: true,
        ...given,
      });
      return id;
    },
    tell(claims) {
      told = claims;
    },
    begin: (visitor, extra = {}) =>
      visitor.open(authorizeUrl(latchkey.base, client, { code_challenge: pkce().challenge, ...extra })),
    async press(visitor, page, slug = 'acme') {
      const form = formsOf(page).find(({ action }) => action.endsWith(`/federation/${slug}`));
      if (!form) throw new Error(`no button of ${slug} at ${page.url} (${page.status})`);
      return visitor.request(form.action, { form: { ...form.fields, action: 'continue' } });
    },
    callback(away, slug = 'acme') {
      const asked = new URL(away.location ?? '').searchParams;
      const query = new URLSearchParams({
        state: asked.get('state') ?? '',
        code: asked.get('nonce') ?? '',
        iss: upstream.url,
      });
      return `${latchkey.base}/federation/${slug}/callback?${query.toString()}`;
    },
    async pass(visitor, page, slug = 'acme') {
      return visitor.open(federation.callback(await federation.press(visitor, page, slug), slug));
    },
    async close() {
      await latchkey.close();
      await upstream.close();
      mails.close();
    },
  };
  await federation.connect('acme');
  return federation;
}

/** The identities of a user, as the database has them. */
export const identitiesOf = ({ app }: TestApp, email: string) =>
  app.database.sql<{ connection: string; issuer: string; subject: string; name: string | null }>(
    `select i.connection, i.issuer, i.subject, i.name from user_identity i join users u on u.id = i.user_id
     where u.email_canonical = $1 order by i.created_at`,
    [email],
  );

/** Every provider of the table, played by oauth2-mock-server under its documented addresses, beside one product. */
import { generateKeyPairSync } from 'node:crypto';
import { exportJWK } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import { createOutbound } from '#kernel/http/outbound.ts';
import { createLog } from '#kernel/log.ts';
import { startTestApp, type TestApp } from './app.ts';
import { type Mails, openMails } from './mails.ts';
import { ownNetworks } from './registration.ts';
import { type Bent, type SocialRow, socialRows } from './social-rows.ts';
import { formsOf, type Page, Visitor } from './visitor.ts';

export type Social = {
  latchkey: TestApp;
  mails: Mails;
  /** The addresses outside that the product asked. */
  asked: string[];
  /** The issuer in the discovery document of Microsoft, at its own address: of one tenant, or a template for all of them. */
  tenant: { issuer: string };
  /** The provider says this from now on. `form`: members that come with the answer, through the browser. */
  tell(provider: string, bent?: Bent, form?: Record<string, string>): void;
  /** Presses the button of the provider on this page, signs in there, and comes back. */
  pass(visitor: Visitor, page: Page, provider: string): Promise<Page>;
  close(): Promise<void>;
};

/** Apple's client secret is a key. */
const p8 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });

/** For all tenants the discovery document has a template; an ID token has the issuer of the tenant of its user. */
const ENTRA = 'https://login.microsoftonline.com/{tenantid}/v2.0';

const pathOf = (address: string): string => {
  const { host, pathname } = new URL(address);
  return `/at/${host}${pathname}`;
};

/** One provider. `told` says what it answers at the moment. */
async function play(
  { issuer, authorize, token, userinfo, discovery, keys, answer }: SocialRow,
  key: Parameters<OAuth2Server['issuer']['keys']['add']>[0],
  told: () => Bent,
  issuerNow: () => string,
): Promise<OAuth2Server> {
  const none = (name: string): string => `/none/${name}`;
  const server = new OAuth2Server(undefined, undefined, {
    endpoints: {
      wellKnownDocument: discovery ? pathOf(discovery) : none('discovery'),
      authorize: pathOf(authorize),
      token: pathOf(token),
      jwks: keys ? pathOf(keys) : none('keys'),
      userinfo: pathOf(userinfo),
      revoke: none('revoke'),
      introspect: none('introspect'),
      endSession: none('end-session'),
    },
  });
  server.issuer.url = issuer;
  await server.issuer.keys.add(key);
  server.service.on('beforeWellKnownOpenIdConfiguration', (document: { body: object }) => {
    // The address for the end of a session is left out: a sign-out has its own tests.
    document.body = {
      issuer: issuerNow(),
      authorization_endpoint: authorize,
      token_endpoint: token,
      jwks_uri: keys,
      userinfo_endpoint: userinfo,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  });
  server.service.on('beforeTokenSigning', ({ payload }: { payload: Record<string, unknown> }) => {
    const { idToken } = answer(told());
    // The stand-in has a subject of its own, which a test may have taken away.
    if (idToken !== null) delete payload['sub'];
    Object.assign(payload, idToken ?? {});
  });
  server.service.on('beforeUserinfo', (response: { body: unknown; statusCode: number }) => {
    const { api, idToken } = answer(told());
    response.body = userinfo in api ? api[userinfo] : idToken;
  });
  const [, second] = Object.keys(answer({}).api);
  if (second !== undefined)
    server.service.addRoute('GET', pathOf(second), (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer(told()).api[second]));
    });
  await server.start(0, '127.0.0.1');
  return server;
}

export async function startSocial(settings: Readonly<Record<string, unknown>> = {}): Promise<Social> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', kid: 'provider' };
  const told = new Map<string, { bent: Bent; form: Record<string, string> }>();
  const hosts = new Map<string, number>();
  const tenant = { issuer: ENTRA };
  const servers = await Promise.all(
    socialRows.map(async (row) => {
      const server = await play(
        row,
        key,
        () => told.get(row.provider)?.bent ?? {},
        () => (row.provider === 'microsoft' ? tenant.issuer : row.issuer),
      );
      for (const address of [row.issuer, row.authorize, row.token, row.userinfo, row.keys])
        if (address !== undefined) hosts.set(new URL(address).host, server.address().port);
      return server;
    }),
  );
  const asked: string[] = [];
  const outbound = createOutbound({ allow: ['127.0.0.1'], log: createLog({ level: 'silent' }) });
  const reach = (given: string): string => {
    // Each tenant has a discovery document.
    const address = given.replace(/(login\.microsoftonline\.com\/)[^/]+(\/v2\.0\/\.well-known)/, '$1common$2');
    const port = hosts.get(new URL(address).host);
    return port === undefined ? address : `http://127.0.0.1:${port}${pathOf(address)}${new URL(address).search}`;
  };
  const mails = await openMails();
  const latchkey = await startTestApp({
    env: { ...mails.env, ...ownNetworks },
    settings,
    outbound: {
      ...outbound,
      limited: (limits) => (url, init) => {
        asked.push(String(url));
        return outbound.limited(limits)(reach(String(url)), init);
      },
    },
  });
  for (const { provider, settings: given } of socialRows)
    await latchkey.run('connections.create', {
      slug: provider,
      provider,
      client_id: 'latchkey',
      client_secret: provider === 'apple' ? p8 : 'shared secret',
      ...given,
    });

  return {
    latchkey,
    mails,
    asked,
    tenant,
    tell: (provider, bent = {}, form = {}) => void told.set(provider, { bent, form }),
    async pass(visitor, page, provider) {
      const row = socialRows.find((each) => each.provider === provider)!;
      const button = formsOf(page).find(({ action }) => action.endsWith(`/federation/${provider}`));
      if (!button) throw new Error(`no button of ${provider} at ${page.url} (${page.status})`);
      const away = await visitor.request(button.action, { form: { ...button.fields, action: 'continue' } });
      const there = new URL(away.location ?? away.url);
      if (`${there.origin}${there.pathname}` !== row.authorize)
        throw new Error(`${provider} is asked at ${there.href}`);
      const answer = await fetch(reach(there.href), { redirect: 'manual' });
      const back = new URL(answer.headers.get('location') ?? 'about:blank');
      for (const [name, value] of Object.entries(told.get(provider)?.form ?? {})) back.searchParams.set(name, value);
      if (there.searchParams.get('response_mode') !== 'form_post') return visitor.open(back.href);
      if (row.answersByForm === undefined) throw new Error(`${provider} knows no answer by a form`);
      // The form of another site carries no cookie.
      const posted = await new Visitor().request(`${back.origin}${back.pathname}`, {
        form: Object.fromEntries(back.searchParams),
        headers: { origin: there.origin, 'sec-fetch-site': 'cross-site' },
      });
      return visitor.follow(posted);
    },
    async close() {
      await latchkey.close();
      await Promise.all(servers.map((server) => server.stop()));
      await outbound.close();
      mails.close();
    },
  };
}

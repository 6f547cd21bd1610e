/** One product as the provider of OpenID Connect for another one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KEYS_ARE_ASKED_AGAIN_MS } from '../relying-parties.ts';
import { answerAt, asksAt, chooseProvider, type Latchkey, type RelyingParty } from './latchkey.ts';
import type { IdentityProvider, ServiceProvider } from './peers.ts';

const noSaml = (what: string): string => `${what} is of SAML alone`;

/** Connects the two; both are seen through a relying party of the second. */
export async function openidConnect(
  upstream: Latchkey,
  latchkey: Latchkey,
  relyingParty: RelyingParty,
): Promise<{ idp: IdentityProvider; sp: ServiceProvider }> {
  const slug = 'upstream';
  const client = await upstream.command('client create', {
    name: 'Latchkey',
    preset: 'server',
    'redirect-uri': `${latchkey.issuer}/federation/${slug}/callback`,
    'post-logout-redirect-uri': `${latchkey.issuer}/federation/${slug}/signed-out`,
    'backchannel-logout-uri': `${latchkey.issuer}/federation/${slug}/backchannel-logout`,
  });
  const secret = join(latchkey.folder, 'client-secret');
  await writeFile(secret, String(client['client_secret']), { mode: 0o600 });
  await latchkey.command(`connection create oidc ${slug}`, {
    name: 'Upstream',
    issuer: upstream.issuer,
    'client-id': String(client['client_id']),
    'client-secret-file': secret,
    'trusts-email': 'true',
  });
  const nothing = { metadata: () => Promise.resolve(''), trust: () => Promise.resolve(), version: 'Latchkey' };
  const lacks = {
    'NameID formats': noSaml('the format of a name'),
    encrypted: noSaml('an encrypted assertion'),
    'wrong audience': 'the client itself redeems the code, and nobody could bring it a token of another client',
    'wrong key': 'a client fetches the keys of its provider when it meets an unknown one',
  };
  let keysAreKnownSince = 0;
  const idp: IdentityProvider = {
    ...nothing,
    name: upstream.name,
    hosts: [upstream.host],
    base: upstream.issuer,
    entityId: upstream.issuer,
    lacks,
    output: upstream.output,
    signOutUrl: `${upstream.issuer}/oidc/logout`,
    asks: (page) => asksAt(upstream, page),
    async answer(browser, page, person) {
      const end = await answerAt(upstream, browser, page, person);
      keysAreKnownSince ||= performance.now();
      return end;
    },
    signOut: (browser) =>
      browser.open(`${upstream.issuer}/oidc/logout`).then((page) => browser.submit(page, {}, 'logout')),
    encrypt: () => Promise.resolve(),
    announceKey: () => upstream.command('keys rotate').then(() => {}),
    async changeKey() {
      await pause(Math.max(0, keysAreKnownSince + KEYS_ARE_ASKED_AGAIN_MS - performance.now()));
      await upstream.command('keys rotate', { immediately: true });
    },
  };
  const sp: ServiceProvider = {
    ...nothing,
    name: latchkey.name,
    hosts: [relyingParty.host, latchkey.host],
    base: relyingParty.base,
    entityId: latchkey.issuer,
    lacks: {},
    output: latchkey.output,
    async begin(browser, { forceAuthn = false } = {}) {
      return chooseProvider(
        latchkey,
        browser,
        await relyingParty.begin(browser, forceAuthn ? { prompt: 'login' } : {}),
        slug,
      );
    },
    async who(browser) {
      const claims = await relyingParty.who(browser);
      if (claims === null) return null;
      const { sub, email, name } = claims;
      return { name: String(sub), format: null, attributes: { all: [String(email), String(name)] } };
    },
    signOutUrl: `${relyingParty.base}/logout`,
    // The provider asks, too, as it does for every client that is not its own.
    async signOut(browser) {
      const page = await relyingParty.signOut(browser, slug);
      return new URL(page.url).hostname === upstream.host ? browser.submit(page, {}, 'logout') : page;
    },
  };
  return { idp, sp };
}

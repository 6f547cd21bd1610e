/** The pages of signed-in people about themselves. */
import { createAccount, OwnerLetters } from '#account/module.ts';
import type { By } from '#audit/module.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { Places } from '#risk/module.ts';
import { ClosingService, type UserId } from '#users/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';

/** What the account asks of whoever watches sign-ins. */
type Watch = {
  places: Places;
  notMe: { lock(userId: UserId, by: By): Promise<void> };
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

export function createOwnAccount(
  kernel: Kernel,
  nouns: Nouns,
  provider: Provider,
  { places, notMe, deviceCookie }: Watch,
) {
  const { credentials, clients, look } = nouns;
  const { oidc, consents } = provider;
  const { clock, database, config } = kernel;
  const letters = new OwnerLetters({ clock, issuer: config.issuer, letters: look.letters });
  const closing = new ClosingService({
    clock,
    database,
    policies: nouns.policies,
    roleHolders: nouns.roleHolders,
    access: nouns.access,
    letters,
    audit: nouns.audit,
  });
  const { routes, step } = createAccount({
    ...kernel,
    ...nouns,
    ...provider,
    ...credentials,
    letters,
    closing,
    clients: clients.lookup,
    apis: clients.apiLookup,
    grants: oidc.appGrants,
    consents,
    place(ip, language) {
      const { city, country } = places.find(ip);
      const named = country === null ? null : new Intl.DisplayNames([language], { type: 'region' }).of(country);
      return [city, named].filter(Boolean).join(', ') || null;
    },
    lock: (userId, by) => notMe.lock(userId, by),
    deviceCookie,
  });
  return { routes, step, closing };
}

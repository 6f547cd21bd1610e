/**
 * contacts: the pages on which users keep their email addresses and phone numbers.
 *
 * Owns    views/account/contacts: add, verify, make primary and remove them.
 * Leaves  the rules, proofs and the change of the primary address to directory/contacts, the frame to account.
 * URLs    /account/{emails,phones} and below.
 */
import type { Config } from '#kernel/config.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { Router } from '#kernel/http/router.ts';
import type { State } from '#kernel/http/context.ts';
import { type ConfirmDependencies, emailChangeRoutes, emailConfirmRoutes } from './email-confirm-routes.ts';
import { emailRoutes, type EmailRouteDependencies } from './email-routes.ts';
import { phoneRoutes, type PhoneRouteDependencies } from './phone-routes.ts';

export type Dependencies = { config: Pick<Config, 'issuerUrl'> } & EmailRouteDependencies &
  Omit<ConfirmDependencies, 'links'> &
  PhoneRouteDependencies;

/** Creates the account pages for email addresses and phone numbers. */
export function createContactPages(dependencies: Dependencies): { routes: readonly Router<State>[] } {
  const { issuerUrl } = dependencies.config;
  const links = { address: mailedLink(issuerUrl, 'address'), change: mailedLink(issuerUrl, 'change') };
  const confirming = { ...dependencies, links };
  return {
    routes: [
      emailRoutes(dependencies),
      emailChangeRoutes(confirming),
      emailConfirmRoutes('address', confirming),
      emailConfirmRoutes('change', confirming),
      phoneRoutes(dependencies),
    ],
  };
}

/**
 * passwordless: sign-in by a code or link by mail, or by a code as a text message.
 *
 * Owns    views/sign-in/passwordless, the pages for codes, the page behind the link in the mail, the mail and the text.
 * Leaves  secrets, their limits and their single use to credentials, the next step to interaction/next-step.
 * URLs    /interaction/:uid/{email-code,sms-code} and below, /interaction/:uid/email-link/:link.
 */
import { sentFirstFactors } from '#credentials/module.ts';
import type { SignInStep } from '#sign-in/interaction/module.ts';
import type { Config } from '#kernel/config.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import { linkRoutes } from './link-routes.ts';
import { codeRoutes, type RouteDependencies } from './routes.ts';
import { type SignInCodeDependencies, SignInCodes } from './sign-in-codes.ts';

export type Dependencies = { config: Pick<Config, 'issuer' | 'issuerUrl'> } & Omit<SignInCodeDependencies, 'issuer'> &
  Omit<RouteDependencies, 'interactions' | 'codes'>;

/** Creates the sign-in step for links and codes by email and for codes by text message. */
export function createPasswordless(given: Dependencies): SignInStep {
  const codes = new SignInCodes({ ...given, issuer: given.config.issuer });
  return {
    name: 'passwordless',
    routes: (interactions) => [
      ...sentFirstFactors.map((channel) =>
        codeRoutes(channel, { interactions, codes, deviceCookie: given.deviceCookie }),
      ),
      linkRoutes({ interactions, codes, link: mailedLink(given.config.issuerUrl, 'sign-in') }),
    ],
  };
}

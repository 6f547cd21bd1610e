import { discord, facebook, github, linkedin, oauth2, x } from './oauth-providers.ts';
import { apple, gitlab, google, microsoft, oidc, slack } from './openid-providers.ts';
import { saml } from './saml-provider.ts';
import type { OauthProvider, OpenidProvider, ProviderName, SamlProvider } from './provider.ts';

/** Every identity provider that a connection can lead to. */
export const providers: Readonly<
  Record<Exclude<ProviderName, 'saml'>, OpenidProvider | OauthProvider> & Record<'saml', SamlProvider>
> = {
  google,
  microsoft,
  github,
  apple,
  facebook,
  x,
  linkedin,
  gitlab,
  discord,
  slack,
  oidc,
  oauth2,
  saml,
};

/** Whether it knows how to ask its user again who they are: by a parameter, or by `ForceAuthn`. */
export const asksAgain = (name: ProviderName): boolean =>
  providers[name].protocol === 'saml' || Object.keys(providers[name].forcedAuthentication).length > 0;

/** The name that users know it by. */
export const titleOf = (name: ProviderName): string => providers[name].title;

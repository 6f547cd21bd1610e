import { discord, facebook, github, linkedin, oauth2, x } from './oauth-providers.ts';
import { apple, gitlab, google, microsoft, oidc, slack } from './openid-providers.ts';
import type { Provider, ProviderName } from './provider.ts';

/** Every identity provider that a connection can lead to. */
export const providers: Readonly<Record<ProviderName, Provider>> = {
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
};

/** The name that users know it by. */
export const titleOf = (name: ProviderName): string => providers[name].title;

import type { SamlProvider } from './provider.ts';

/** Any identity provider of SAML 2.0. */
export const saml: SamlProvider = {
  protocol: 'saml',
  title: 'SAML',
  scopes: [],
  // It proves itself by its signature.
  clientAuthentications: ['none'],
  takesCodeChallenge: false,
  forcedAuthentication: {},
  vouchesForEmail: () => true,
};

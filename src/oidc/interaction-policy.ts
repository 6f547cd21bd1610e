import { interactionPolicy } from 'oidc-provider';

/** The engine's prompts `login` and `consent`, and ours before them: choosing an account, and creating one. */
export function policy(): interactionPolicy.DefaultPolicy {
  const prompts = interactionPolicy.base();
  prompts.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
  // Initiating User Registration via OpenID Connect 1.0: `prompt=create`.
  prompts.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0);
  return prompts;
}

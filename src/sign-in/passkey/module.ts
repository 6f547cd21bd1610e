/**
 * passkey: sign-in with a passkey or a security key, and enrolment during a sign-in.
 *
 * Owns    views/sign-in/passkey, public/passkey.js, the prompt in the email field, the offer to add a passkey.
 * Leaves  challenges and their checks to credentials, the next step to interaction/next-step, the other second factors to mfa.
 * URLs    /interaction/:uid/passkey, …/passkey/options, …/second-factor/passkey, …/offer-passkey, …/enrol-factor/passkey, /.well-known/webauthn.
 */
import type { SignInStep } from '#sign-in/interaction/module.ts';
import type { Config } from '#kernel/config.ts';
import { enrolRoutes, type EnrolDependencies } from './enrol-routes.ts';
import { PasskeySignIn, type SignInDependencies } from './passkey-sign-in.ts';
import { passkeyRequirements } from './passkey-requirements.ts';
import { type RelatedOriginDependencies, relatedOriginRoutes } from './related-origin-routes.ts';
import { passkeyRoutes, type RouteDependencies } from './routes.ts';
import { type Mount, READ } from '#kernel/http/mounts.ts';

export type Dependencies = {
  config: Pick<Config, 'issuerUrl'>;
  policies: RelatedOriginDependencies['policies'];
} & SignInDependencies &
  Omit<EnrolDependencies, 'interactions'> &
  Omit<RouteDependencies, 'interactions' | 'signIn'>;

/** Creates the sign-in step for passkeys and security keys. */
export function createPasskey(dependencies: Dependencies): SignInStep {
  const { config, policies } = dependencies;
  const signIn = new PasskeySignIn(dependencies);
  return {
    name: 'passkey',
    requirements: passkeyRequirements,
    routes: (interactions) => [
      passkeyRoutes({ ...dependencies, interactions, signIn }),
      enrolRoutes({ ...dependencies, interactions }),
      relatedOriginRoutes({ issuer: config.issuerUrl, policies }),
    ],
  };
}

/** In addition to the pages below /interaction. */
export const passkeyMounts: readonly Mount[] = [
  { path: '/.well-known/webauthn', audience: 'problem', methods: READ, crossOrigin: true, wellKnown: 'of-host' },
];

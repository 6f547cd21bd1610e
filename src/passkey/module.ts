/**
 * passkey: signing in with a passkey or a security key, and enrolling one on the way.
 *
 * Owns    views/passkey, public/passkey.js, the prompt in the field for the address, the offer to make a passkey.
 * Leaves  challenges and checking to credentials, what comes next to interaction/next-step, the other second factors to mfa.
 * URLs    /interaction/:uid/passkey, …/passkey/options, …/second-factor/passkey, …/offer-passkey, …/enrol-factor/passkey, /.well-known/webauthn.
 */
import type { Router } from '#kernel/http/router.ts';
import type { Interaction, StandingPart } from '#interaction/module.ts';
import type { Config } from '#kernel/config.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import type { UserId } from '#users/module.ts';
import { enrolRoutes, type EnrolDependencies } from './enrol-routes.ts';
import { PasskeySignIn, type SignInDependencies } from './passkey-sign-in.ts';
import { passkeyStanding, type StandingDependencies } from './passkey-standing.ts';
import { relatedOriginRoutes } from './related-origin-routes.ts';
import { passkeyRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = { config: Pick<Config, 'issuerUrl'> } & SignInDependencies &
  StandingDependencies &
  EnrolDependencies &
  Omit<RouteDependencies, 'signIn' | 'canCreateCookie'>;

export function createPasskey(dependencies: Dependencies): {
  routes: readonly Router<State>[];
  standing(ctx: Context, userId: UserId, interaction: Interaction): Promise<StandingPart>;
} {
  const { config, policies } = dependencies;
  // As long as the browser runs: it may be moved to another device afterwards.
  const canCreateCookie = browserCookie(config.issuerUrl, 'passkeys');
  const signIn = new PasskeySignIn(dependencies);
  return {
    routes: [
      passkeyRoutes({ ...dependencies, signIn, canCreateCookie }),
      enrolRoutes(dependencies),
      relatedOriginRoutes({ issuer: config.issuerUrl, policies }),
    ],
    standing: (ctx, userId, { facts: { reached } }) =>
      passkeyStanding(dependencies, userId, { canCreate: canCreateCookie.read(ctx) !== undefined, reached }),
  };
}

/**
 * organization: the step that asks for which organization a user signs in.
 *
 * Owns    views/sign-in/organization; the table organization_choice: what a user chose last at each client.
 * Leaves  whether the step is due and the organization in tokens to oidc, members to organizations, joining by a domain to domains.
 * URLs    /interaction/:uid/organization.
 */
import { byUser } from '#audit/module.ts';
import { visitorOf } from '#kernel/http/context.ts';
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { organizationRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = Omit<RouteDependencies, 'interactions'>;

/** Creates the sign-in step that asks for the organization. At the end of a sign-in a user joins the one that owns their domain. */
export function createOrganizationStep(dependencies: Dependencies): SignInStep {
  const { joining } = dependencies;
  return {
    name: 'organization',
    routes: (interactions) => [organizationRoutes({ ...dependencies, interactions })],
    async signedIn(ctx, { facts: { user }, question }) {
      await joining.joinBySignIn(user, byUser(user.id, visitorOf(ctx), question.client.id));
    },
  };
}

export { OrganizationChoice, OrganizationChoices } from './organization-choice.ts';

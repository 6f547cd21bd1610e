import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { OrganizationRequests } from './organization-requests.ts';

const { Check, Prompt } = interactionPolicy;

/** Why the user is asked: the organization is closed to them, or they choose one. */
export const ORGANIZATION_REASONS = { refused: 'organization_refused', choice: 'organization_choice' } as const;
/** The reason for a sign-in despite a session: the organization asks for a stronger one. */
export const ORGANIZATION_LEVEL = 'organization_level';

/** Our prompt after the sign-in, before consent: for which organization it is. A page says that a user is no member. */
export const organizationPrompt = (requests: OrganizationRequests): interactionPolicy.Prompt =>
  new Prompt(
    { name: 'organization', requestable: false },
    new Check(
      ORGANIZATION_REASONS.refused,
      'the user is not a member of the organization',
      'access_denied',
      async (ctx) => (await requests.settle(ctx)).kind === 'refused',
    ),
    new Check(
      ORGANIZATION_REASONS.choice,
      'the user must choose an organization',
      'interaction_required',
      async (ctx) => (await requests.settle(ctx)).kind === 'choice',
    ),
  );

/**
 * A session that began for another organization, or for none, may be weaker than this one asks for. A sign-in of this very request was
 * held against its policy already.
 */
export const organizationLevel = (requests: OrganizationRequests): interactionPolicy.Check =>
  new Check(
    ORGANIZATION_LEVEL,
    'a stronger End-User authentication is required',
    'login_required',
    async (ctx: KoaContextWithOIDC) => {
      const { result } = ctx.oidc;
      if (result?.login || result?.['level']) return false;
      return requests.fallsShort(ctx);
    },
    async (ctx: KoaContextWithOIDC) => {
      const settled = await requests.settle(ctx);
      return settled.kind === 'organization' ? { organization: settled.id } : {};
    },
  );

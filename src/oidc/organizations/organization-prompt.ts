import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Shortfall } from '../authority/organization-demands.ts';
import { type FindConsent, toldAbout } from '../authority/authority.ts';
import type { OrganizationRequests } from './organization-requests.ts';

const { Check, Prompt } = interactionPolicy;

/** Why the user is asked: the organization is closed to them, or they choose one. */
export const ORGANIZATION_REASONS = { refused: 'organization_refused', choice: 'organization_choice' } as const;
/** The reasons for a sign-in despite a session: an organization asks for a stronger one, or for a later one. */
export const ORGANIZATION_LEVEL = 'organization_level';
export const ORGANIZATION_AGAIN = 'organization_again';

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
 * A session that began for another organization, for none or under another policy may be weaker than this one asks for. A sign-in of
 * this very request was held against its policy already.
 */
export const organizationChecks = (requests: OrganizationRequests): readonly interactionPolicy.Check[] => {
  const check = (reason: string, asks: (shortfall: Shortfall) => boolean) =>
    new Check(
      reason,
      'a stronger End-User authentication is required',
      'login_required',
      async (ctx: KoaContextWithOIDC) => {
        const { result } = ctx.oidc;
        if (result?.login || result?.['level']) return false;
        const shortfall = await requests.shortfall(ctx);
        return shortfall !== null && asks(shortfall);
      },
      (ctx: KoaContextWithOIDC) => requests.named(ctx),
    );
  return [
    check(ORGANIZATION_LEVEL, (shortfall) => shortfall !== 'again'),
    check(ORGANIZATION_AGAIN, (shortfall) => shortfall === 'again'),
  ];
};

/** The user allowed the client nothing about this organization yet. */
export const organizationConsent = (
  requests: OrganizationRequests,
  findConsent: FindConsent,
): interactionPolicy.Check =>
  new Check(
    'organization_consent',
    'the user has not allowed the client to learn about the organization',
    'consent_required',
    async (ctx: KoaContextWithOIDC) => {
      const { client, account, result } = ctx.oidc;
      const { organization } = await requests.named(ctx);
      if (organization === undefined || !client || !account || result?.consent) return false;
      return !toldAbout(await findConsent(account.accountId, client.clientId), organization);
    },
  );

import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import type { JoiningService } from '#directory/domains/module.ts';
import type { MemberService, OrganizationService } from '#directory/organizations/module.ts';
import { shownAccount, type User, type UserService } from '#directory/users/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import type { Router } from '#kernel/http/router.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import { type Interactions, ORGANIZATION_REASONS } from '#oidc/module.ts';
import { type AskedInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import { chooseView } from './choose-view.ts';
import type { OrganizationChoices } from './organization-choice.ts';
import { refusedView } from './refused-view.ts';

export type RouteDependencies = {
  interactions: Pick<InteractionService, 'asking'>;
  engine: Pick<Interactions, 'finishOrganization' | 'finishRefused'>;
  users: Pick<UserService, 'findById'>;
  organizations: Pick<OrganizationService, 'findById'>;
  members: Pick<MemberService, 'organizationsOf'>;
  joining: Pick<JoiningService, 'joinBySignIn' | 'offerTo' | 'ask'>;
  choices: Pick<OrganizationChoices, 'find' | 'remember'>;
};

const answerForm = form(
  z.object({
    organization: z.string().max(128).optional(),
    action: z.enum(['ask', 'leave']).optional(),
  }),
);
const PAGE = '/interaction/:uid/organization';

/** Routes of the page that asks for the organization of a sign-in, or says that the user has none that is open. */
export function organizationRoutes({
  interactions,
  engine,
  users,
  organizations,
  members,
  joining,
  choices,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page('organization', showOwn);
  router.post(PAGE, answer);

  async function showOwn(ctx: Context): Promise<void> {
    const interaction = await interactions.asking(ctx, 'organization');
    if (interaction === null) return;
    const user = await users.findById(interaction.userId);
    if (user === null) return seeOther(ctx, interaction.path);
    if (!isRefused(interaction)) return showChoice(ctx, interaction, user);
    // A session may be older than the domain: its user joins here.
    const joined = await joining.joinBySignIn(user, byUser(user.id, visitorOf(ctx), interaction.question.client.id));
    if (joined !== null) return seeOther(ctx, await engine.finishOrganization(ctx, joined));
    return showRefusal(ctx, interaction, user);
  }

  async function answer(ctx: Context): Promise<void> {
    const interaction = await interactions.asking(ctx, 'organization');
    if (interaction === null) return;
    const form = await answerForm.read(ctx);
    const { organization = '', action } = form.isValid ? form.values : {};
    if (!isRefused(interaction)) return choose(ctx, interaction, organization);
    if (action === 'ask') return ask(ctx, interaction);
    if (action === undefined) return seeOther(ctx, ctx.path);
    return seeOther(
      ctx,
      await engine.finishRefused(ctx, 'access_denied', 'The user is not a member of the organization.'),
    );
  }

  async function choose(ctx: Context, { userId, question }: AskedInteraction, typed: string): Promise<void> {
    const id = parseId('org', typed);
    const own = await members.organizationsOf(userId);
    if (id === null || !own.some((each) => each.id === id && each.status === 'active')) return seeOther(ctx, ctx.path);
    await choices.remember(userId, question.client.id, id);
    return seeOther(ctx, await engine.finishOrganization(ctx, id));
  }

  async function ask(ctx: Context, interaction: AskedInteraction): Promise<void> {
    const user = await users.findById(interaction.userId);
    const offer = user && (await offerFor(interaction, user));
    if (offer?.isAsked === false)
      await joining.ask(user!, offer.id, byUser(user!.id, visitorOf(ctx), interaction.question.client.id));
    return seeOther(ctx, ctx.path);
  }

  async function showChoice(ctx: Context, { userId, question, path }: AskedInteraction, user: User): Promise<void> {
    const last = await choices.find(userId, question.client.id);
    const own = (await members.organizationsOf(userId)).filter(({ status }) => status === 'active');
    show(ctx, 200, chooseView, {
      action: `${path}/organization`,
      client: { name: question.client.name },
      account: shownAccount(user),
      switchUrl: `${path}/account`,
      organizations: own.map(({ id, name, slug }) => ({ id, name, slug, isLast: id === last })),
    });
  }

  async function showRefusal(ctx: Context, interaction: AskedInteraction, user: User): Promise<void> {
    const { question, path } = interaction;
    show(ctx, 200, refusedView, {
      action: `${path}/organization`,
      client: { name: question.client.name },
      account: shownAccount(user),
      switchUrl: `${path}/account`,
      isNamed: namedIn(interaction) !== null,
      offer: await offerFor(interaction, user),
    });
  }

  /** An organization that the user may ask to join; where the application names one, that one alone. */
  async function offerFor(interaction: AskedInteraction, user: User) {
    const offer = await joining.offerTo(user);
    const named = namedIn(interaction);
    if (offer === null || offer.state === 'refused' || (named !== null && named !== offer.organizationId)) return null;
    const organization = await organizations.findById(offer.organizationId);
    if (organization?.status !== 'active') return null;
    return { id: organization.id, name: organization.name, isAsked: offer.state === 'asked' };
  }

  return router;
}

const isRefused = ({ request }: AskedInteraction): boolean =>
  request.prompt.reasons.includes(ORGANIZATION_REASONS.refused);

/** The organization that the application asks for, by its id where there is such an organization. */
function namedIn({ request }: AskedInteraction): string | null {
  const { organization } = request.params;
  return typeof organization === 'string' ? organization : null;
}

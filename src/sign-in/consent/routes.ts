import { byUser } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { type AskedInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import type { Interactions } from '#oidc/module.ts';
import { shownAccount, type User, type UserId } from '#directory/users/module.ts';
import { askedResources, type ConsentApi, consentRequest } from './consent-request.ts';
import type { ConsentService } from '#oidc/consents/module.ts';
import { consentView } from './consent-view.ts';

export type RouteDependencies = {
  interactions: Pick<InteractionService, 'asking'>;
  engine: Pick<Interactions, 'finishConsent' | 'finishRefused'>;
  consents: ConsentService;
  users: { findById(id: UserId): Promise<User | null> };
  apis: { findForClient(identifier: string, clientId: string): Promise<ConsentApi | null> };
  findOrganization(id: string): Promise<{ name: string } | null>;
};

const consentForm = form(z.object({ action: z.enum(['allow', 'deny'], { error: 'required' }) }));

/** Routes of the consent page: show the request, allow or deny it. */
export function consentRoutes({
  interactions,
  engine,
  consents,
  users,
  apis,
  findOrganization,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page('consent', showOwn);
  router.post('/interaction/:uid/consent', decide);

  async function showOwn(ctx: Context): Promise<void> {
    const interaction = await interactions.asking(ctx, 'consent');
    if (interaction !== null) await showConsent(ctx, interaction);
  }

  async function decide(ctx: Context): Promise<void> {
    const interaction = await interactions.asking(ctx, 'consent');
    if (interaction === null) return;
    const form = await consentForm.read(ctx);
    const { question, request, userId } = interaction;
    if (!form.isValid) return seeOther(ctx, ctx.path);
    const by = byUser(userId, visitorOf(ctx), question.client.id);
    if (form.values.action === 'deny') {
      await consents.noteRefusal(userId, question.client.id, by);
      return seeOther(ctx, await engine.finishRefused(ctx, 'access_denied', 'The person did not allow this.'));
    }
    const { decision } = consentRequest(request, await askedApis(interaction), question.organization);
    await consents.remember(userId, question.client.id, decision, by);
    const { grantId } = request;
    return seeOther(
      ctx,
      await engine.finishConsent(ctx, { accountId: userId, clientId: question.client.id, grantId, decision }),
    );
  }

  async function showConsent(ctx: Context, interaction: AskedInteraction): Promise<void> {
    const { question, request, path } = interaction;
    const user = await users.findById(interaction.userId);
    if (user === null) return seeOther(ctx, path);
    const { client, organization } = question;
    const { shown, claims } = consentRequest(request, await askedApis(interaction), organization);
    return show(ctx, 200, consentView, {
      action: `${path}/consent`,
      client: {
        name: client.name,
        host: client.redirectHost,
        isElsewhere: request.params['redirect_uri'] === undefined,
        privacyUrl: client.policyUri,
        termsUrl: client.tosUri,
      },
      account: shownAccount(user),
      email: user.email ?? null,
      switchUrl: `${path}/account`,
      scopes: shown,
      claims,
      organization: organization === null ? null : await findOrganization(organization),
    });
  }

  async function askedApis({ question, request }: AskedInteraction): Promise<ConsentApi[]> {
    const found = await Promise.all(
      askedResources(request.params).map((identifier) => apis.findForClient(identifier, question.client.id)),
    );
    return found.filter((api) => api !== null);
  }

  return router;
}

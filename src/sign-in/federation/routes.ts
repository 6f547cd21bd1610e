import { z } from 'zod';
import { byVisitor } from '#audit/module.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import type { Router } from '#kernel/http/router.ts';
import { unreachable } from '#kernel/errors.ts';
import { show } from '#kernel/views.ts';
import {
  type Interaction,
  type InteractionService,
  type OfferedProvider,
  StepRouter,
  turnBack,
  type TurnedBack,
  whoIs,
} from '#sign-in/interaction/module.ts';
import type { ArrivalOutcome, Arrivals, Newcomer } from './arrivals.ts';
import { confirmView } from './confirm-view.ts';
import { amrOf, type UpstreamProfile } from './profile.ts';
import { providersView } from './providers-view.ts';
import { type StopReason, stopView } from './stop-view.ts';
import type { UpstreamRequests } from './upstream-requests.ts';
import type { UpstreamSessions } from './upstream-sessions.ts';

export type RouteDependencies = {
  interactions: Pick<
    InteractionService,
    | 'open'
    | 'isOpenNow'
    | 'require'
    | 'otherWays'
    | 'recordIdentifier'
    | 'recordBox'
    | 'recordLed'
    | 'recordUpstream'
    | 'recordProofIn'
    | 'proceed'
  >;
  requests: UpstreamRequests;
  arrivals: Arrivals;
  sessions: Pick<UpstreamSessions, 'keep'>;
  /** The provider that a browser used last. */
  lastProviderCookie: BrowserCookie;
  invitationCookie: BrowserCookie;
  /** Where an account can be created; null where that is not possible. */
  createUrl(ctx: Context, interaction: Interaction): string | null;
};

const flag = z.string().max(8).optional();
/** `box`: the page of the button has the box "Keep me signed in". */
const buttonForm = form(z.object({ action: z.string().max(16).optional(), box: flag, remember: flag }));
const providersPage = formPage<{ problem: TurnedBack }>();
const bindingOf = ({ uid }: Interaction): string => `sign-in:${uid}`;

/** Routes of sign-ins by upstream providers. */
export function federationRoutes({
  interactions,
  requests,
  arrivals,
  sessions,
  lastProviderCookie,
  invitationCookie,
  createUrl,
}: RouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page('federation', showOwnProviders);
  router.get('/interaction/:uid/federation/return', arrive);
  router.get('/interaction/:uid/federation/confirm', showConfirm);
  router.post('/interaction/:uid/federation/:connection', begin);

  async function showOwnProviders(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'federation');
    if (interaction === null) return;
    const { path, identifier, providers, leadsTo, choices, isClosed, keep, remembered } = interaction;
    if (leadsTo !== null) return goTo(ctx, await interactions.recordLed(interaction), leadsTo);
    if (providers.length === 0)
      return isClosed ? showStop(ctx, interaction, 'unready', null) : seeOther(ctx, `${path}/login`);
    show(ctx, 200, providersView, {
      action: `${path}/federation`,
      ...whoIs(interaction),
      // Others are on the first page.
      providers: choices.length > 0 ? choices : providers,
      lastProvider: lastProviderCookie.read(ctx) ?? null,
      email: identifier,
      remember: keep === null ? remembered !== null : null,
      otherWays: identifier === null ? [] : interactions.otherWays(interaction, 'federation'),
      problem: providersPage.refused(ctx).problem ?? null,
    });
  }

  async function begin(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'federation');
    if (interaction === null) return;
    const { box, remember } = (await buttonForm.read(ctx)).values;
    const provider = interaction.providers.find(({ slug }) => slug === ctx.params['connection']);
    if (provider === undefined) return seeOther(ctx, interaction.path);
    const isChanged = box !== undefined && interaction.keep !== (remember !== undefined);
    const current = isChanged ? await interactions.recordBox(interaction, remember !== undefined) : interaction;
    return goTo(ctx, current, provider);
  }

  async function goTo(ctx: Context, interaction: Interaction, provider: OfferedProvider): Promise<void> {
    const { path, typed, question } = interaction;
    const location = await requests.begin(
      {
        connection: provider.slug,
        purpose: 'sign-in',
        loginHint: (typed ?? question.loginHint) || undefined,
        forceAuthentication: question.needsFreshProof,
        needsSecondFactor: (question.asked?.level ?? 1) > 1,
      },
      { binding: bindingOf(interaction), page: `${path}/federation/return` },
    );
    if (location !== null) return seeOther(ctx, location, [location]);
    return providersPage.refuse(ctx, `${path}/federation`, {
      problem: { kind: 'unreachable', provider: provider.name },
    });
  }

  /** The browser that began is back. An answer that it has used already leads on to where the sign-in is. */
  async function arrive(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'federation');
    if (interaction === null) return;
    const answer = await requests.take(ctx.query['proof'], bindingOf(interaction), 'sign-in');
    if (answer === null) return seeOther(ctx, interaction.path);
    const provider = interaction.providers.find(({ slug }) => slug === answer.connection);
    switch (answer.kind) {
      case 'profile':
        return goOn(ctx, interaction, answer.profile);
      case 'cancelled':
        return turnBack(ctx, interaction, { kind: 'cancelled', provider: provider?.name ?? answer.connection });
      case 'refused':
        await arrivals.refuse(answer.reason, answer.connection, byOf(ctx, interaction));
        return showStop(ctx, interaction, 'upstream', provider?.name ?? null);
      default:
        return unreachable(answer);
    }
  }

  async function goOn(ctx: Context, interaction: Interaction, profile: UpstreamProfile): Promise<void> {
    const { path } = interaction;
    const { slug, name } = profile.connection;
    // Also of a sign-in that began before policy closed this way, or the organization another one.
    if (!interaction.providers.some((offered: OfferedProvider) => offered.slug === slug)) return seeOther(ctx, path);
    const outcome = await arrivals.arrive(profile, newcomerOf(ctx, interaction, profile));
    if (outcome.kind !== 'refused') lastProviderCookie.write(ctx, slug);
    switch (outcome.kind) {
      case 'signed-in':
        invitationCookie.clear(ctx);
        return interactions.proceed(ctx, await interactions.require(ctx));
      case 'confirm':
        await sessions.keep(interaction.uid, profile, null);
        await interactions.recordUpstream(interaction, outcome.upstream, outcome.identifier);
        return seeOther(ctx, `${path}/federation/confirm`);
      case 'register':
        await sessions.keep(interaction.uid, profile, null);
        await interactions.recordUpstream(interaction, outcome.upstream, null);
        return seeOther(ctx, `${path}/create`);
      case 'refused':
        // The organization of the domain has its users come by a connection of its own.
        if (outcome.reason === 'bound')
          return interactions.proceed(
            ctx,
            await interactions.recordIdentifier(interaction, profile.email?.address ?? null),
          );
        return showStop(ctx, interaction, reasonOf(outcome.reason), name);
      default:
        return unreachable(outcome);
    }
  }

  function newcomerOf(ctx: Context, interaction: Interaction, profile: UpstreamProfile): Newcomer {
    const proof = { factor: 'federation', amr: amrOf(profile), connection: profile.connection.slug } as const;
    return {
      uid: interaction.uid,
      by: byOf(ctx, interaction),
      language: ctx.state.language,
      invitation: invitationCookie.read(ctx),
      isAgain: interaction.question.isAgain,
      record: async (em, userId) => {
        // Where no page had the box, a browser that keeps the account goes on keeping it.
        const isKept = interaction.keep === null && interaction.remembered?.id === userId;
        const remember = isKept ? { remember: true } : {};
        await interactions.recordProofIn(em, interaction, { userId, proof, ...remember });
        await sessions.keep(interaction.uid, profile, userId, em);
      },
    };
  }

  async function showConfirm(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'federation');
    if (interaction === null) return;
    const { path, upstream, identifier } = interaction;
    if (!upstream?.userId || identifier === null) return seeOther(ctx, path);
    show(ctx, 200, confirmView, {
      provider: upstream.connection.name,
      email: identifier,
      nextUrl: path,
      changeUrl: `${path}/login`,
    });
  }

  function showStop(ctx: Context, interaction: Interaction, reason: StopReason, provider: string | null): void {
    const nextUrl = reason === 'waitlist' ? '/waitlist' : `${interaction.path}/login`;
    const mayCreate = reason === 'no_account' && interactions.isOpenNow(interaction, 'create');
    show(ctx, 403, stopView, {
      reason,
      provider,
      nextUrl,
      createUrl: mayCreate ? createUrl(ctx, interaction) : null,
    });
  }

  return router;
}

const byOf = (ctx: Context, { question }: Interaction) => byVisitor(visitorOf(ctx), question.client.id);

/** The page does not say that an account has rights on the instance, nor why no account is made. */
function reasonOf(reason: Exclude<Extract<ArrivalOutcome, { kind: 'refused' }>['reason'], 'bound'>): StopReason {
  if (reason === 'privileged') return 'not_member';
  if (reason === 'old_proof') return 'upstream';
  return reason === 'closed' ? 'no_account' : reason;
}

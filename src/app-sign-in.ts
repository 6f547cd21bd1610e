/** One sign-in from its first proof to its end: what comes next, how unlike its owner it is, and who is told. */
import {
  createInteraction,
  type Interaction,
  openWays,
  type SignInEnd,
  type StandingPart,
  type Way,
} from '#interaction/module.ts';
import { DAY } from '#kernel/clock.ts';
import { type Context, visitorOf } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { type Arrival, createRisk, type NotMeDependencies } from '#risk/module.ts';
import { instance } from '#settings/module.ts';
import type { UserId } from '#users/module.ts';
import type { Kernel } from './app-kernel.ts';
import type { Nouns } from './app-nouns.ts';
import type { Provider } from './app-provider.ts';

/** What the steps know and want to be told; they are made after this. */
export type StepCallbacks = {
  standing(ctx: Context, userId: UserId, interaction: Interaction): Promise<readonly StandingPart[]>;
  signedIn(ctx: Context, end: SignInEnd): Promise<void>;
  sendReset: NotMeDependencies['sendReset'];
};

/** Of whoever ends a sign-in without having proved anything new. */
const noAssessment = { signals: [], actions: [] } as const;

export function createSignIn(
  kernel: Kernel,
  { audit, policies, look, texts, users, contacts, credentials, access, progress }: Nouns,
  { oidc }: Provider,
  callbacks: StepCallbacks,
) {
  const deviceCookie = browserCookie(kernel.config.issuerUrl, 'device', { maxAge: 180 * DAY });
  const arrivalOf = (ctx: Context): Arrival => ({
    visitor: visitorOf(ctx),
    deviceSecret: deviceCookie.read(ctx),
    language: ctx.state.language,
  });
  const risk = createRisk({
    ...kernel,
    ...credentials,
    policies,
    users,
    contacts,
    audit,
    letters: look.letters,
    deviceCookie,
    access,
    sendReset: callbacks.sendReset,
  });
  const { interactions, goOnWhenSentTwice, routes } = createInteraction({
    ...kernel,
    progress,
    engine: oidc.interactions,
    users,
    dress: look.branding.dress,
    ways: () => openWays(policies.for(instance).signIn.methods, closedWays()),
    async standing(ctx, userId, interaction) {
      const parts = await callbacks.standing(ctx, userId, interaction);
      return [...parts, await likeness(ctx, userId, interaction, parts)];
    },
    async signedIn(ctx, end) {
      const { userId, level, amr, interaction } = end;
      const { signals, actions } = interaction.facts.assessment ?? noAssessment;
      await audit.note({
        type: 'user.signed_in',
        actor: { type: 'user', id: userId },
        subject: { type: 'user', id: userId },
        clientId: interaction.question.client.id,
        visitor: visitorOf(ctx),
        details: { level, amr, signals, actions },
      });
      const { deviceSecret } = await risk.risk.signedIn(userId, arrivalOf(ctx), { actions });
      deviceCookie.write(ctx, deviceSecret);
      await callbacks.signedIn(ctx, end);
    },
  });

  function closedWays(): ReadonlySet<Way> {
    const closed = new Set<Way>();
    if (credentials.passkeys.relyingParty === null) closed.add('passkey');
    if (!texts.isOn()) closed.add('sms-code');
    return closed;
  }

  /** What this sign-in's likeness to earlier ones asks for; found out once, after the first proof. */
  async function likeness(
    ctx: Context,
    userId: UserId,
    interaction: Interaction,
    parts: readonly StandingPart[],
  ): Promise<StandingPart> {
    const known = interaction.facts.assessment;
    const assessment = known ?? (await risk.risk.assess(userId, arrivalOf(ctx), interaction.question.client.id));
    if (known === null) await interactions.recordAssessment(interaction, { userId, ...assessment });
    return risk.risk.demand(userId, assessment, {
      // Of a user with a factor that cannot be used now the mailbox is no stand-in either.
      holdsFactor: parts.some(({ factors = [], hasConfirmed = false }) => hasConfirmed || factors.length > 0),
      hasProvedMailbox: interaction.facts.proved.includes('email'),
    });
  }

  return {
    interactions,
    goOnWhenSentTwice,
    routes: [routes, risk.routes],
    risk,
    deviceCookie,
  };
}

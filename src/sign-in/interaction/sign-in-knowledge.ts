import { byVisitor } from '#audit/module.ts';
import { type Context, visitorOf } from '#kernel/http/context.ts';
import { identifierOf, type ReadUser, type UserId } from '#directory/users/module.ts';
import type { EngineInteraction } from '#oidc/module.ts';
import type { BrowserCookies } from './browser-cookies.ts';
import type { SessionUser } from './facts.ts';
import type { Interaction, KnownInteraction } from './interaction.ts';
import type { Assessment } from './progress.ts';
import { requirementsOf } from './requirements.ts';
import { type Assess, type FactsDependencies, UserFactsReader } from './sign-in-facts.ts';
import type { StepRules } from './step-rules.ts';

export type KnowledgeDependencies = FactsDependencies & {
  steps: readonly StepRules[];
  risk: { assess: Assess };
  cookies: BrowserCookies;
};

/** The facts of a sign-in, and the requirements that the steps derive from them. */
export class SignInKnowledge {
  readonly #deps: KnowledgeDependencies;
  readonly #userFacts: UserFactsReader;

  constructor(dependencies: KnowledgeDependencies) {
    this.#deps = dependencies;
    this.#userFacts = new UserFactsReader(dependencies);
  }

  /** Null also when the user was disabled or erased since: a session outlives that for a moment. */
  async sessionUser(ctx: Context, { accountId, session }: EngineInteraction): Promise<SessionUser | null> {
    if (accountId === null || session === null) return null;
    const user = await this.#userFacts.findUser(ctx, accountId as UserId);
    return user?.status === 'active' ? { id: user.id, identifier: identifierOf(user) } : null;
  }

  userFound(ctx: Context, user: ReadUser): void {
    this.#userFacts.userFound(ctx, user);
  }

  /** After a step wrote what is read here. */
  forget(ctx: Context): void {
    this.#userFacts.forget(ctx);
  }

  /**
   * Null when the user was erased or disabled since. How unlike its user a sign-in is, is found out once, after the first proof, and
   * kept by `record`.
   */
  async find(
    ctx: Context,
    before: Interaction,
    userId: UserId,
    record: (assessment: Assessment) => Promise<Interaction>,
  ): Promise<KnownInteraction | null> {
    const { steps, cookies } = this.#deps;
    const found = await this.#userFacts.find(ctx, userId, {
      uid: before.uid,
      client: before.question.client.id,
      organization: before.question.organization,
      ip: ctx.state.ip,
      trustSecret: cookies.trustCookie.read(ctx),
      canCreatePasskey: cookies.canCreateCookie.read(ctx) !== undefined,
    });
    if (found === null) return null;
    const isAssessed = before.facts.assessment !== null;
    const interaction = isAssessed ? before : await record(await this.#assess(ctx, before, found.user));
    const facts = { ...interaction.facts, ...found };
    const parts = steps.flatMap((step) => step.requirements?.(facts, interaction.question) ?? []);
    return { ...interaction, userId, facts, requirements: requirementsOf(parts) };
  }

  async #assess(ctx: Context, { question: { client } }: Interaction, user: ReadUser): Promise<Assessment> {
    const { signals, actions } = await this.#deps.risk.assess(user, {
      by: byVisitor(visitorOf(ctx), client.id),
      clientId: client.id,
      ip: ctx.state.ip,
      userAgent: ctx.state.userAgent,
      deviceSecret: this.#deps.cookies.deviceCookie.read(ctx),
      language: ctx.state.language,
    });
    return { userId: user.id, signals, actions };
  }
}

import { type AuditLog, byUser } from '#audit/module.ts';
import { type Context, visitorOf } from '#kernel/http/context.ts';
import { acrOf, type Interactions, type Level, type PromptName } from '#oidc/module.ts';
import type { UserService } from '#users/module.ts';
import { inside, type KnownInteraction } from './interaction.ts';
import type { ProgressStore } from './progress.ts';
import type { StepRules } from './step-rules.ts';

export type EndingDependencies = {
  engine: Pick<Interactions, 'finishLogin'>;
  progress: Pick<ProgressStore, 'finish'>;
  users: Pick<UserService, 'findById'>;
  audit: Pick<AuditLog, 'note'>;
  /** In the order in which they are told. */
  steps: readonly StepRules[];
};

/** The end of a sign-in in which a user has proved enough: it is written down, the steps are told, then the engine. */
export class SignInEnding {
  readonly #deps: EndingDependencies;

  constructor(dependencies: EndingDependencies) {
    this.#deps = dependencies;
  }

  /** Answers with the path at which the browser goes on. */
  async finish(ctx: Context, interaction: KnownInteraction, answered: readonly PromptName[]): Promise<string> {
    const { engine, progress, users, steps } = this.#deps;
    const { path, userId, facts } = interaction;
    const { proofs, level, amr } = facts;
    if (proofs.length === 0 || level === 0) throw new Error('a sign-in was to finish without a proof');
    const {
      question,
      progress: { remember },
    } = interaction[inside];
    const authTime = Math.max(...proofs.map(({ at }) => at));
    // What was taken away since it was read proves nothing: the sign-in begins again.
    if (!(await progress.finish(question, userId))) return path;
    try {
      await this.#note(ctx, interaction, level);
      for (const step of steps) await step.signedIn?.(ctx, { ...interaction, level, amr });
    } catch (error) {
      // A user who was erased at this moment signs in no more: the sign-in begins again.
      if ((await users.findById(userId)) === null) return path;
      throw error;
    }
    return engine.finishLogin(ctx, { accountId: userId, amr, acr: acrOf(level), authTime, remember }, answered);
  }

  async #note(ctx: Context, { userId, facts, question }: KnownInteraction, level: Level): Promise<void> {
    const { signals, actions } = facts.assessment ?? { signals: [], actions: [] };
    await this.#deps.audit.note({
      type: 'user.signed_in',
      ...byUser(userId, visitorOf(ctx)),
      subject: { type: 'user', id: userId },
      clientId: question.client.id,
      details: { level, amr: facts.amr, signals, actions },
    });
  }
}

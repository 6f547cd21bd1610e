import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Context } from '#kernel/http/context.ts';
import { allowFormTarget, keepOpener } from '#kernel/http/security-headers.ts';
import { isForPopup, type EngineInteraction, type Interactions, PASSWORD_LEVEL } from '#oidc/module.ts';
import type { UserId } from '#users/module.ts';
import { nextStep, type Step } from './next-step.ts';
import type { Progress, ProgressStore } from './progress.ts';

/** One sign-in in progress, as its steps see it. */
export type Interaction = {
  uid: string;
  /** Where the dispatcher is: every step returns there. */
  path: string;
  question: EngineInteraction;
  progress: Progress;
};

/** What a proof says. `acr` names the level that the session has reached. */
export type Proof = { userId: UserId; amr: readonly string[]; remember: boolean };

export class InteractionService {
  readonly #clock: Clock;
  readonly #engine: Interactions;
  readonly #progress: ProgressStore;

  constructor(clock: Clock, engine: Interactions, progress: ProgressStore) {
    this.#clock = clock;
    this.#engine = engine;
    this.#progress = progress;
  }

  /** The sign-in that the address and this browser's cookie both name. Throws oidc.sign_in_expired. */
  async require(ctx: Context): Promise<Interaction> {
    const uid = ctx.params['uid'] ?? '';
    const question = await this.#engine.require(ctx, uid);
    // The last form of a sign-in leads, by redirects, to the relying party.
    if (typeof question.params['redirect_uri'] === 'string') allowFormTarget(ctx, question.params['redirect_uri']);
    if (isForPopup(question.params)) keepOpener(ctx);
    return { uid, path: `/interaction/${uid}`, question, progress: await this.#progress.find(uid) };
  }

  next({ question, progress }: Interaction): Step {
    return nextStep({ prompt: question.prompt.name, accountId: question.accountId }, progress);
  }

  async recordIdentifier({ uid, progress }: Interaction, identifier: string | null): Promise<void> {
    await this.#progress.save(uid, { ...progress, identifier });
  }

  async recordChoice({ uid, progress }: Interaction, chosen: 'session' | 'another'): Promise<void> {
    await this.#progress.save(uid, { ...progress, chosen, identifier: null });
  }

  async recordLogin({ uid, progress }: Interaction, { userId, amr, remember }: Proof): Promise<void> {
    await this.#progress.save(uid, { ...progress, userId, amr, remember, authTime: epochSeconds(this.#clock) });
  }

  /** Ends the question with what the steps found out; answers with the path at which the browser goes on. */
  async finish(ctx: Context, interaction: Interaction, step: Exclude<Step, { kind: 'page' }>): Promise<string> {
    const { uid, progress } = interaction;
    await this.#progress.end(uid);
    if (step.kind === 'chosen') return this.#engine.finishPrompt(ctx, 'select_account');
    if (progress.userId === null || progress.authTime === null)
      throw new Error('a sign-in was to finish without a proof');
    const { userId: accountId, amr, authTime, remember } = progress;
    return this.#engine.finishLogin(ctx, { accountId, amr, acr: PASSWORD_LEVEL, authTime, remember }, step.answered);
  }
}

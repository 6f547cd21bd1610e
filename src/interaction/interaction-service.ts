import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Context } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { allowFormTarget, keepOpener } from '#kernel/http/security-headers.ts';
import { acrOf, type EngineInteraction, type Interactions, isForPopup, type Level } from '#oidc/module.ts';
import type { UserId, UserService } from '#users/module.ts';
import { neededLevel, nextStep, type Page, provedFactors, type Question, type Step } from './next-step.ts';
import { nothingYet, type Progress, type ProgressStore } from './progress.ts';
import { amrOfProofs, type Factor, factorOfAmr, levelOfProofs, type Proof } from './proof.ts';
import { type Offer, type Standing, type StandingPart, standingOf } from './standing.ts';
import type { Way } from './ways.ts';

/** One sign-in in progress, as its steps see it. */
export type Interaction = {
  uid: string;
  /** Where the dispatcher is: every step returns there. */
  path: string;
  question: EngineInteraction;
  progress: Progress;
};

/** A sign-in in which it is a step's turn, and the person whom it is about. */
export type DueInteraction = Interaction & {
  userId: UserId;
  standing: Standing;
  proofs: readonly Proof[];
  /** What was proved so far, the factor of a session that is made stronger among it. */
  proved: readonly Factor[];
  /** The level that must be reached by this page; null where it is an offer. */
  needed: Level | null;
};

/** A sign-in in which somebody has said who they are, and proved nothing yet. */
export type BegunInteraction = Interaction & { identifier: string };
export type OtherWay = { way: Way; url: string };

/** What was found out when a sign-in ends. */
export type SignInEnd = { userId: UserId; level: Level; amr: readonly string[]; interaction: Interaction };

export type Dependencies = {
  clock: Clock;
  engine: Interactions;
  progress: ProgressStore;
  users: Pick<UserService, 'findById'>;
  /** How a sign-in may begin, the first one at the front. */
  ways(): readonly [Way, ...Way[]];
  /** What the slices know of a person; `ctx` for the cookies of this browser. */
  standing(ctx: Context, userId: UserId, interaction: Interaction): Promise<readonly StandingPart[]>;
  /** Puts the pages of this request into the brand of the client. */
  dress(ctx: Context, clientId: string): Promise<void>;
  /** Told before the relying party is. */
  signedIn(ctx: Context, end: SignInEnd): Promise<void>;
};

export class InteractionService {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The sign-in that the address and this browser's cookie both name. Throws oidc.sign_in_expired. */
  async require(ctx: Context): Promise<Interaction> {
    const uid = ctx.params['uid'] ?? '';
    const question = await this.#deps.engine.require(ctx, uid);
    // The last form of a sign-in leads, by redirects, to the relying party.
    if (typeof question.params['redirect_uri'] === 'string') allowFormTarget(ctx, question.params['redirect_uri']);
    if (isForPopup(question.params)) keepOpener(ctx);
    await this.#deps.dress(ctx, question.client.id);
    const progress = await this.#withSession(question, await this.#deps.progress.find(uid));
    return { uid, path: `/interaction/${uid}`, question, progress };
  }

  async next(ctx: Context, interaction: Interaction): Promise<Step> {
    const { userId } = interaction.progress;
    const standing = userId === null ? null : await this.#standing(ctx, userId, interaction);
    return nextStep(this.#questionOf(interaction), interaction.progress, standing);
  }

  /**
   * For a page that comes after a proof: the sign-in, if it is this page's turn. Otherwise the browser is sent to the
   * dispatcher, and null says that the answer is written: no page can be reached by knowing its address.
   */
  async due(ctx: Context, page: Page): Promise<DueInteraction | null> {
    const interaction = await this.require(ctx);
    const { userId, proofs } = interaction.progress;
    if (userId !== null) {
      const standing = await this.#standing(ctx, userId, interaction);
      const question = this.#questionOf(interaction);
      const step = nextStep(question, interaction.progress, standing);
      if (step.kind === 'page' && step.page === page) {
        const proved = provedFactors(question, interaction.progress);
        const needed = neededLevel(question, interaction.progress, standing);
        return { ...interaction, userId, standing, proofs, proved, needed };
      }
    }
    seeOther(ctx, interaction.path);
    return null;
  }

  /**
   * For a page that asks for the first proof, in a way of beginning a sign-in: null when it is not open, nobody has said who
   * they are, or something is proved already. A first proof must not be made into a second factor by going back.
   */
  async beginning(ctx: Context, way: Way): Promise<BegunInteraction | null> {
    const interaction = await this.require(ctx);
    const { userId, identifier } = interaction.progress;
    if (userId === null && identifier !== null && this.isOpen(way)) return { ...interaction, identifier };
    seeOther(ctx, interaction.path);
    return null;
  }

  /** For everybody or for nobody: that there is such a way says nothing about whom it would let in. */
  isOpen(way: Way): boolean {
    return this.#deps.ways().includes(way);
  }

  /** The other ways to begin, for links: by policy alone. */
  otherWays({ path }: Interaction, than: Way): readonly OtherWay[] {
    return this.#deps.ways().flatMap((way) => (way === than ? [] : [{ way, url: `${path}/${way}` }]));
  }

  /** A code was sent because the page that asks for it was shown. */
  async recordSent({ uid, progress, identifier }: BegunInteraction, way: keyof Progress['sentTo']): Promise<void> {
    await this.#deps.progress.save(uid, { ...progress, sentTo: { ...progress.sentTo, [way]: identifier } });
  }

  /** Whoever says who they are begins from nothing: what was proved before may be somebody else's. */
  async recordIdentifier({ uid, progress }: Interaction, identifier: string | null): Promise<void> {
    const { remember, chosen, sentTo } = progress;
    await this.#deps.progress.save(uid, { ...nothingYet, remember, chosen, sentTo, identifier, wants: 'sign-in' });
  }

  async recordChoice({ uid, progress }: Interaction, chosen: 'session' | 'another'): Promise<void> {
    await this.#deps.progress.save(uid, { ...progress, chosen, identifier: null });
  }

  /** Creating an account instead of signing in, or the other way round. */
  async recordWish({ uid, progress }: Interaction, wants: 'sign-in' | 'account'): Promise<void> {
    await this.#deps.progress.save(uid, { ...progress, wants });
  }

  /** What somebody has just proved. Whoever proves to be somebody else than before starts from this proof. */
  async recordProof(
    { uid, progress }: Interaction,
    { userId, proof, remember }: { userId: UserId; proof: Omit<Proof, 'at'>; remember?: boolean },
  ): Promise<void> {
    const isSame = progress.userId === userId;
    const next: Progress = {
      ...progress,
      userId,
      assessment: isSame ? progress.assessment : null,
      proofs: [...(isSame ? progress.proofs : []), { ...proof, at: epochSeconds(this.#deps.clock) }],
      remember: remember ?? progress.remember,
    };
    const { progress: store } = this.#deps;
    if (progress.userId !== null && progress.proofs.length > 0) await store.replace(uid, progress.userId, next);
    else await store.save(uid, next);
  }

  /** In the sign-in at hand too: it may end in this very request. */
  async recordAssessment(interaction: Interaction, assessment: NonNullable<Progress['assessment']>): Promise<void> {
    interaction.progress = { ...interaction.progress, assessment };
    await this.#deps.progress.save(interaction.uid, interaction.progress);
  }

  async recordSkip({ uid, progress }: Interaction, offer: Offer): Promise<void> {
    await this.#deps.progress.save(uid, { ...progress, skipped: [...progress.skipped, offer] });
  }

  /** Ends the question with what the steps found out; answers with the path at which the browser goes on. */
  async finish(ctx: Context, interaction: Interaction, step: Exclude<Step, { kind: 'page' }>): Promise<string> {
    const { engine, progress: store, signedIn } = this.#deps;
    const { uid, progress, question } = interaction;
    if (step.kind !== 'signed-in') {
      await store.end(uid);
      return engine.finishPrompt(ctx, step.kind === 'chosen' ? 'select_account' : 'level');
    }
    const { userId, proofs, remember } = progress;
    if (userId === null || proofs.length === 0) throw new Error('a sign-in was to finish without a proof');
    const session = question.isStepUp && question.accountId === userId ? question.session : null;
    const level = Math.max(levelOfProofs(allProofs(interaction)), session?.level ?? 1) as Level;
    const amr = [...new Set([...(session?.amr ?? []), ...amrOfProofs(allProofs(interaction))])];
    const authTime = Math.max(...proofs.map(({ at }) => at));
    // What was taken away since it was read proves nothing: the sign-in begins anew.
    if (!(await store.finish(uid, userId))) return interaction.path;
    try {
      await signedIn(ctx, { userId, level, amr, interaction });
    } catch (error) {
      // Somebody who was erased at this moment is nobody: the sign-in begins anew.
      if ((await this.#deps.users.findById(userId)) === null) return interaction.path;
      throw error;
    }
    return engine.finishLogin(ctx, { accountId: userId, amr, acr: acrOf(level), authTime, remember }, step.answered);
  }

  #questionOf({ question, progress }: Interaction): Question {
    const { prompt, accountId, asked } = question;
    const [firstWay] = this.#deps.ways();
    return { prompt: prompt.name, accountId, asked, stepUpFrom: stepUpFactor(question, progress), firstWay };
  }

  async #standing(ctx: Context, userId: UserId, interaction: Interaction): Promise<Standing> {
    return standingOf(await this.#deps.standing(ctx, userId, interaction));
  }

  /** Whoever is signed in and asked again need not say who they are; asked for more, they have proved the first part. */
  async #withSession({ isAgain, isStepUp, accountId }: EngineInteraction, progress: Progress): Promise<Progress> {
    if (!isAgain || accountId === null || progress.chosen === 'another' || progress.userId !== null) return progress;
    const userId = accountId as UserId;
    if (isStepUp) return { ...progress, userId };
    if (progress.identifier !== null) return progress;
    const user = await this.#deps.users.findById(userId);
    return { ...progress, identifier: user?.email ?? null };
  }
}

function stepUpFactor({ isStepUp, accountId, session }: EngineInteraction, { userId }: Progress) {
  return isStepUp && session !== null && accountId === userId ? factorOfAmr(session.amr) : null;
}

/** Those of this sign-in, after the one of the session that it makes stronger. */
function allProofs({ question, progress }: Interaction): readonly Omit<Proof, 'at'>[] {
  const factor = stepUpFactor(question, progress);
  return [...(factor === null ? [] : [{ factor, amr: [] }]), ...progress.proofs];
}

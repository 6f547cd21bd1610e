import { setTimeout } from 'node:timers/promises';
import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { Context } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { acrOf, type EngineInteraction, type Interactions } from '#oidc/module.ts';
import type { UserId, UserService } from '#users/module.ts';
import type { SessionUser } from './facts.ts';
import {
  type BegunInteraction,
  type ConsentInteraction,
  type DueInteraction,
  inside,
  type Inside,
  type Interaction,
  type OtherWay,
  seen,
  type SessionInteraction,
  type SignInEnd,
} from './interaction.ts';
import { type EarlyPage, isOpenNow, neededLevel, nextStep, type Page, type Question, type Step } from './next-step.ts';
import { type Assessment, nothingYet, type Progress, type ProgressStore } from './progress.ts';
import type { Proof } from './proof.ts';
import { type Offer, type Standing, type StandingPart, standingOf } from './standing.ts';
import type { Way } from './ways.ts';

/** How long an answer may take, and how often it is looked for: a request writes it right after the end of the sign-in. */
const ANSWER_POLL = 100;
const ANSWER_TRIES = 20;

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
  /** What was proved when a request came. */
  readonly #before = new WeakMap<Context, { uid: string; proofs: number }>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The sign-in that the address and this browser's cookie both name. Throws oidc.sign_in_expired. */
  async require(ctx: Context): Promise<Interaction> {
    const uid = ctx.params['uid'] ?? '';
    const { question, progress } = await this.#settled(ctx, uid);
    await this.#deps.dress(ctx, question.client.id);
    this.#before.set(ctx, { uid, proofs: progress.proofs.length });
    const sessionUser = await this.#sessionUser(question);
    return seen(uid, { question, progress, sessionUser, now: epochSeconds(this.#deps.clock) });
  }

  /**
   * Whether another request of this browser has taken the sign-in further since this one came: the same step was sent twice.
   * Throws Detour when it has even ended.
   */
  async hasMovedOn(ctx: Context): Promise<boolean> {
    const before = this.#before.get(ctx);
    if (before === undefined) return false;
    const { proofs, endedAs } = this.#deps.progress.of(await this.#deps.engine.require(ctx, before.uid));
    return endedAs !== null || proofs.length > before.proofs;
  }

  isBegunHere(ctx: Context, uid: string): boolean {
    return this.#deps.engine.isBegunHere(ctx, uid);
  }

  async next(ctx: Context, interaction: Interaction): Promise<Step> {
    const { userId } = interaction.facts;
    const standing = userId === null ? null : await this.#standing(ctx, userId, interaction);
    return this.#nextStep(interaction, standing);
  }

  /**
   * For a page that comes after a proof: the sign-in, if it is this page's turn. Otherwise the browser is sent to the
   * dispatcher, and null says that the answer is written: no page can be reached by knowing its address.
   */
  async due(ctx: Context, page: Page): Promise<DueInteraction | null> {
    const interaction = await this.require(ctx);
    const { userId } = interaction.facts;
    if (userId !== null) {
      const standing = await this.#standing(ctx, userId, interaction);
      const step = this.#nextStep(interaction, standing);
      if (step.kind === 'page' && step.page === page) {
        const needed = neededLevel(interaction.question.asked, interaction.facts.reached, standing);
        return { ...interaction, userId, standing, needed };
      }
    }
    seeOther(ctx, interaction.path);
    return null;
  }

  /** For a page that comes before any proof: null when nothing asks for it now, and the browser was sent to the dispatcher. */
  async open(ctx: Context, page: EarlyPage): Promise<Interaction | null> {
    const interaction = await this.require(ctx);
    if (this.isOpenNow(interaction, page)) return interaction;
    seeOther(ctx, interaction.path);
    return null;
  }

  isOpenNow(interaction: Interaction, page: EarlyPage): boolean {
    return isOpenNow(page, this.#questionOf(interaction), interaction[inside].progress, interaction.facts);
  }

  /**
   * For a page that asks for the first proof, in a way of beginning a sign-in: null when it is not open, nobody has said who
   * they are, or something is proved already. A first proof must not be made into a second factor by going back.
   */
  async beginning(ctx: Context, way: Way): Promise<BegunInteraction | null> {
    const interaction = await this.open(ctx, way);
    if (interaction === null) return null;
    const { identifier } = interaction;
    if (identifier !== null && this.isOpen(way)) return { ...interaction, identifier };
    seeOther(ctx, interaction.path);
    return null;
  }

  /** For the page that offers the account of the session, and the one of another user. */
  async choosing(ctx: Context): Promise<SessionInteraction | null> {
    return this.#ofSession(ctx, 'account');
  }

  async consenting(ctx: Context): Promise<ConsentInteraction | null> {
    const interaction = await this.#ofSession(ctx, 'consent');
    if (interaction === null) return null;
    const { prompt, params, grantId } = interaction[inside].question;
    return { ...interaction, request: { prompt, params, grantId } };
  }

  /** For everybody or for nobody: that there is such a way says nothing about whom it would let in. */
  isOpen(way: Way): boolean {
    return this.#deps.ways().includes(way);
  }

  /** The other ways to begin, for links: by policy alone. */
  otherWays({ path }: Interaction, than: Way): readonly OtherWay[] {
    return this.#deps.ways().flatMap((way) => (way === than ? [] : [{ way, url: `${path}/${way}` }]));
  }

  /** Whether a code was sent because the page that asks for it was shown. */
  wasSent({ identifier, [inside]: { progress } }: BegunInteraction, way: keyof Progress['sentTo']): boolean {
    return progress.sentTo[way] === identifier;
  }

  async recordSent(interaction: BegunInteraction, way: keyof Progress['sentTo']): Promise<void> {
    const { identifier } = interaction;
    const { question, progress } = interaction[inside];
    await this.#deps.progress.save(question, { ...progress, sentTo: { ...progress.sentTo, [way]: identifier } });
  }

  /** A user who types an address begins from nothing: what was proved before, the session too, may be of another user. */
  async recordIdentifier(interaction: Interaction, identifier: string | null): Promise<void> {
    const { question, progress } = interaction[inside];
    const { remember, sentTo } = progress;
    const chosen = question.isStepUp ? 'another' : progress.chosen;
    await this.#deps.progress.save(question, {
      ...nothingYet,
      remember,
      chosen,
      sentTo,
      identifier,
      wants: 'sign-in',
    });
  }

  /** The user of the session is asked again who they are. */
  async startOver(interaction: Interaction): Promise<void> {
    await this.recordIdentifier(interaction, interaction[inside].sessionUser?.email ?? null);
  }

  async recordChoice(interaction: SessionInteraction, chosen: 'session' | 'another'): Promise<void> {
    const { question, progress } = interaction[inside];
    await this.#deps.progress.save(question, { ...progress, chosen, identifier: null });
  }

  /** Creating an account instead of signing in, or the other way round. */
  async recordWish(interaction: Interaction, wants: 'sign-in' | 'account'): Promise<void> {
    const { question, progress } = interaction[inside];
    await this.#deps.progress.save(question, { ...progress, wants });
  }

  /** What somebody has just proved. Whoever proves to be somebody else than before starts from this proof. */
  async recordProof(
    interaction: Interaction,
    { userId, proof, remember }: { userId: UserId; proof: Omit<Proof, 'at'>; remember?: boolean },
  ): Promise<void> {
    const { facts } = interaction;
    const { question, progress } = interaction[inside];
    const isSame = facts.userId === userId;
    const next: Progress = {
      ...progress,
      userId,
      assessment: isSame ? facts.assessment : null,
      proofs: [...(isSame ? facts.proofs : []), { ...proof, at: epochSeconds(this.#deps.clock) }],
      remember: remember ?? progress.remember,
    };
    await this.#deps.progress.save(question, next);
  }

  /** In the sign-in at hand too: it may end in this very request. */
  async recordAssessment(interaction: Interaction, assessment: Assessment): Promise<void> {
    const progress = { ...interaction[inside].progress, assessment };
    Object.assign(interaction, seen(interaction.uid, { ...interaction[inside], progress }));
    await this.#deps.progress.save(interaction[inside].question, progress);
  }

  async recordSkip(interaction: Interaction, offer: Offer): Promise<void> {
    const { question, progress } = interaction[inside];
    await this.#deps.progress.save(question, { ...progress, skipped: [...progress.skipped, offer] });
  }

  /** Ends the question with what the steps found out; answers with the path at which the browser goes on. */
  async finish(
    ctx: Context,
    interaction: Interaction,
    step: Exclude<Step, { kind: 'page' | 'start-over' }>,
  ): Promise<string> {
    const { engine, progress: store, signedIn } = this.#deps;
    const { facts } = interaction;
    const { question } = interaction[inside];
    if (step.kind !== 'signed-in') {
      await store.save(question, nothingYet);
      return engine.finishPrompt(ctx, step.kind === 'chosen' ? 'select_account' : 'level');
    }
    const { userId, proofs, level, amr } = facts;
    if (userId === null || proofs.length === 0 || level === 0)
      throw new Error('a sign-in was to finish without a proof');
    const { remember } = interaction[inside].progress;
    const authTime = Math.max(...proofs.map(({ at }) => at));
    // What was taken away since it was read proves nothing: the sign-in begins anew.
    if (!(await store.finish(question, userId))) return interaction.path;
    try {
      await signedIn(ctx, { userId, level, amr, interaction });
    } catch (error) {
      // Somebody who was erased at this moment is nobody: the sign-in begins anew.
      if ((await this.#deps.users.findById(userId)) === null) return interaction.path;
      throw error;
    }
    return engine.finishLogin(ctx, { accountId: userId, amr, acr: acrOf(level), authTime, remember }, step.answered);
  }

  /** A sign-in that has ended waits for its answer, which another request of this browser is about to give. */
  async #settled(ctx: Context, uid: string): Promise<Pick<Inside, 'question' | 'progress'>> {
    const { engine, progress: store } = this.#deps;
    let question = await engine.require(ctx, uid);
    for (let tries = 0; tries < ANSWER_TRIES; tries += 1) {
      const progress = store.of(question);
      if (progress.endedAs === null) return { question, progress };
      await setTimeout(ANSWER_POLL);
      question = await engine.require(ctx, uid);
    }
    // That request failed: the sign-in starts over, and what it proved counts no more.
    await store.save(question, nothingYet);
    return { question, progress: nothingYet };
  }

  async #ofSession(ctx: Context, page: 'account' | 'consent'): Promise<SessionInteraction | null> {
    const interaction = await this.open(ctx, page);
    const { sessionUser } = interaction?.[inside] ?? {};
    return interaction === null || !sessionUser ? null : { ...interaction, userId: sessionUser.id };
  }

  #nextStep(interaction: Interaction, standing: Standing | null): Step {
    const { identifier, facts } = interaction;
    const known = { ...interaction[inside].progress, identifier };
    return nextStep(this.#questionOf(interaction), known, facts, standing);
  }

  #questionOf({ [inside]: { question, sessionUser } }: Interaction): Question {
    const { prompt, isAgain, asked } = question;
    const [firstWay] = this.#deps.ways();
    return { prompt: prompt.name, hasSession: sessionUser !== null, isAgain, asked, firstWay };
  }

  async #standing(ctx: Context, userId: UserId, interaction: Interaction): Promise<Standing> {
    return standingOf(await this.#deps.standing(ctx, userId, interaction));
  }

  /** Null also when the user was disabled or erased since: a session outlives that for a moment. */
  async #sessionUser({ accountId, session }: EngineInteraction): Promise<SessionUser | null> {
    if (accountId === null || session === null) return null;
    const user = await this.#deps.users.findById(accountId as UserId);
    return user?.status === 'active' ? { id: user.id, email: user.email } : null;
  }
}

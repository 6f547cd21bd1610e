import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Context } from '#kernel/http/context.ts';
import { type Id, parseId } from '#kernel/ids.ts';
import { Detour, seeOther } from '#kernel/http/redirect.ts';
import { type EngineInteraction, type Interactions, isSignInExpired } from '#oidc/module.ts';
import type { ReadUser } from '#directory/users/module.ts';
import {
  type AskedInteraction,
  type BegunInteraction,
  type ChoosingInteraction,
  type DueInteraction,
  identifierOfSession,
  inside,
  type Inside,
  type Interaction,
  type KnownInteraction,
  type OtherWay,
  seen,
} from './interaction.ts';
import { type EarlyPage, isOpenNow, isSessionAsked, neededLevel, nextStep, type Page, type Step } from './next-step.ts';
import { type Assessment, nothingYet, type Progress, type ProgressStore } from './progress.ts';
import { type Proved, withIdentifier, withProof } from './progress-changes.ts';
import type { RememberedAccount, RememberedAccounts } from './remembered-accounts.ts';
import { forHintedUser, questionOf } from './question.ts';
import type { Offer } from './requirements.ts';
import { type EndingDependencies, SignInEnding } from './sign-in-completion.ts';
import { type KnowledgeDependencies, SignInKnowledge } from './sign-in-knowledge.ts';
import type { Way, Ways } from './offered-first-factors.ts';
import type { OfferedProvider, Upstream } from './upstream.ts';

export type InteractionDependencies = Omit<EndingDependencies, 'engine' | 'progress' | 'remembered'> &
  KnowledgeDependencies & {
    clock: Clock;
    engine: Interactions;
    progress: ProgressStore;
    ways: Ways;
    remembered: RememberedAccounts;
    providers: { offered(organization: string | null): Promise<readonly OfferedProvider[]> };
    /** Puts the pages of this request into the brand of the organization, or of the client. */
    dress(ctx: Context, clientId: string, organizationId: Id<'org'> | null): Promise<void>;
  };

/** Reads and records one sign-in in progress, and finds its next step. */
export class InteractionService {
  readonly #deps: InteractionDependencies;
  readonly #ending: SignInEnding;
  readonly #knowledge: SignInKnowledge;
  /** The question of a request, and the sign-in as it is now: read once, with what this request has recorded since. */
  readonly #questions = new WeakMap<Context, EngineInteraction>();
  readonly #latest = new WeakMap<EngineInteraction, Interaction>();

  constructor(dependencies: InteractionDependencies) {
    this.#deps = dependencies;
    this.#ending = new SignInEnding(dependencies);
    this.#knowledge = new SignInKnowledge(dependencies);
  }

  /** The sign-in that the address and this browser's cookie both name. Throws oidc.sign_in_expired. */
  async require(ctx: Context): Promise<Interaction> {
    const known = this.#questions.get(ctx);
    const latest = known && this.#latest.get(known);
    if (latest !== undefined) return latest;
    const asked = await this.#deps.engine.require(ctx, ctx.params['uid'] ?? '');
    const sessionUser = await this.#knowledge.sessionUser(ctx, asked);
    const question = forHintedUser(asked, sessionUser);
    const progress = this.#deps.progress.of(question);
    await this.#deps.dress(ctx, question.client.id, parseId('org', question.organization ?? ''));
    this.#questions.set(ctx, question);
    const { clock, remembered, providers: upstream } = this.#deps;
    const [accounts, providers] = [remembered.list(ctx), await upstream.offered(question.organization)];
    return this.#seen({ question, progress, sessionUser, accounts, providers, now: epochSeconds(clock) });
  }

  /** The same, or null where there is none: for a page that a mailed link opens in any browser. */
  async find(ctx: Context): Promise<Interaction | null> {
    try {
      return await this.require(ctx);
    } catch (error) {
      if (isSignInExpired(error)) return null;
      throw error;
    }
  }

  /**
   * Whether another request has written in the sign-in since this one read it: the same step was sent twice. Its consumed proof is
   * written with that, so a request that finds the proof consumed finds this too. Throws Detour when the sign-in has even ended.
   */
  async hasMovedOn(ctx: Context): Promise<boolean> {
    const before = this.#questions.get(ctx);
    if (before === undefined) return false;
    const { kept } = await this.#deps.engine.require(ctx, before.uid);
    return kept.step > before.kept.step;
  }

  isBegunHere(ctx: Context, uid: string): boolean {
    return this.#deps.engine.isBegunHere(ctx, uid);
  }

  /** Goes on after a step: to the next page, or, where nothing is left to ask, to where the engine goes on. */
  async proceed(ctx: Context, interaction: Interaction): Promise<void> {
    const { step, known } = await this.next(ctx, interaction);
    switch (step.kind) {
      case 'page':
        if (!(await this.#deps.progress.settle(interaction[inside].question))) throw new Detour(interaction.path);
        return seeOther(ctx, `${interaction.path}/${step.page}`);
      case 'start-over':
        return this.proceed(ctx, await this.recordIdentifier(interaction, identifierOfSession(interaction)));
      case 'signed-in':
        if (known === null) throw new Error('a sign-in was to finish without a user');
        return seeOther(ctx, await this.#ending.finish(ctx, known, step.answered));
      case 'chosen':
      case 'unchanged': {
        const answered = step.kind === 'chosen' ? 'select_account' : 'level';
        await this.#deps.progress.save(interaction[inside].question, nothingYet);
        return seeOther(ctx, await this.#deps.engine.finishPrompt(ctx, answered, known?.requirements.spared));
      }
      default:
        return unreachable(step);
    }
  }

  /** Whether no step has found out anything yet. */
  isUntouched({ [inside]: { question } }: Interaction): boolean {
    return question.kept.step === 0;
  }

  /** After a step wrote what facts say of its user, they are read again. */
  userChanged(ctx: Context): void {
    this.#knowledge.forget(ctx);
  }

  /** A step has read the user in this request. */
  userFound(ctx: Context, user: ReadUser): void {
    this.#knowledge.userFound(ctx, user);
  }

  async next(ctx: Context, interaction: Interaction): Promise<{ step: Step; known: KnownInteraction | null }> {
    const { identifier, facts } = interaction;
    const record = (assessment: Assessment) => this.#record(interaction, { assessment });
    const known = facts.userId === null ? null : await this.#knowledge.find(ctx, interaction, facts.userId, record);
    // A user who was erased or disabled since proves nothing.
    if (facts.userId !== null && known === null) return { step: { kind: 'start-over' }, known };
    const recorded = { ...interaction[inside].progress, identifier };
    return {
      step: nextStep(questionOf(interaction, this.#deps.ways), recorded, facts, known?.requirements ?? null),
      known,
    };
  }

  /**
   * For a page that comes after a proof: the sign-in, if it is this page's turn. Otherwise the browser is sent to the
   * dispatcher, and null says that the answer is written: no page can be reached by knowing its address.
   */
  async due(ctx: Context, page: Page): Promise<DueInteraction | null> {
    const interaction = await this.require(ctx);
    const { step, known } = await this.next(ctx, interaction);
    if (known !== null && step.kind === 'page' && step.page === page) {
      const needed = neededLevel(interaction.question.asked, interaction.facts.reached, known.requirements);
      return { ...known, needed };
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
    return isOpenNow(page, questionOf(interaction, this.#deps.ways), interaction[inside].progress, interaction.facts);
  }

  /**
   * For a page that asks for the first proof, in a way of beginning a sign-in: null when it is not open, no address was typed,
   * or something is proved already. A first proof must not be made into a second factor by going back.
   */
  async beginning(ctx: Context, way: Way): Promise<BegunInteraction | null> {
    const interaction = await this.open(ctx, way);
    if (interaction === null) return null;
    const { identifier } = interaction;
    if (identifier !== null && this.isOpen(interaction, way)) return { ...interaction, identifier };
    seeOther(ctx, interaction.path);
    return null;
  }

  /** For the page that offers the account of the session, those that this browser remembers, and the one of another user. */
  async choosing(ctx: Context): Promise<ChoosingInteraction | null> {
    const interaction = await this.open(ctx, 'account');
    if (interaction === null) return null;
    const { sessionUser, accounts } = interaction[inside];
    const session = isSessionAsked(questionOf(interaction, this.#deps.ways)) ? (sessionUser?.id ?? null) : null;
    return { ...interaction, session, accounts: accounts.filter(({ id }) => id !== session) };
  }

  async asking(ctx: Context, page: 'consent' | 'organization'): Promise<AskedInteraction | null> {
    const interaction = await this.open(ctx, page);
    const { sessionUser } = interaction?.[inside] ?? {};
    if (interaction === null || !sessionUser) return null;
    return { ...interaction, userId: sessionUser.id, request: interaction[inside].question };
  }

  isOpen(interaction: Interaction | null, way: Way): boolean {
    return this.#deps.ways.openIn(interaction).includes(way);
  }

  /** The other ways to begin, for links: by policy alone. */
  otherWays(interaction: Interaction, than: Way): readonly OtherWay[] {
    const others = this.#deps.ways.openIn(interaction).filter((way) => way !== than);
    return others.map((way) => ({ way, url: `${interaction.path}/${way}` }));
  }

  /** Whether a code was sent because the page that asks for it was shown. */
  wasSent({ identifier, [inside]: { progress } }: BegunInteraction, way: keyof Progress['sentTo']): boolean {
    return progress.sentTo[way] === identifier;
  }

  async recordSent(interaction: BegunInteraction, way: keyof Progress['sentTo']): Promise<Interaction> {
    const { sentTo } = interaction[inside].progress;
    return this.#record(interaction, { sentTo: { ...sentTo, [way]: interaction.identifier } });
  }

  async recordIdentifier(interaction: Interaction, identifier: string | null): Promise<Interaction> {
    const { question, progress } = interaction[inside];
    return this.#record(interaction, withIdentifier(progress, identifier, question));
  }

  async recordChoice(interaction: Interaction, chosen: 'session' | 'another'): Promise<Interaction> {
    return this.#record(interaction, { chosen, identifier: null });
  }

  /** An account that this browser remembers is as good as its address, typed; the one of a session is another. */
  async recordAccount(interaction: Interaction, { identifier }: RememberedAccount): Promise<Interaction> {
    const { question, progress, sessionUser } = interaction[inside];
    const chosen = sessionUser === null ? progress.chosen : 'another';
    return this.#record(interaction, { ...withIdentifier(progress, identifier, question), chosen });
  }

  /** An identity at an upstream provider waits for its account: for the one with this address, or for a new one. */
  async recordUpstream(interaction: Interaction, upstream: Upstream, identifier: string | null): Promise<Interaction> {
    const begun = withIdentifier(interaction[inside].progress, identifier, interaction[inside].question);
    return this.#record(interaction, { ...begun, upstream, wants: identifier === null ? 'account' : 'sign-in' });
  }

  /** Creating an account instead of signing in, or the other way round. */
  async recordWish(interaction: Interaction, wants: 'sign-in' | 'account'): Promise<Interaction> {
    return this.#record(interaction, { wants });
  }

  async recordSkip(interaction: Interaction, offer: Offer): Promise<Interaction> {
    return this.#record(interaction, { skipped: [...interaction[inside].progress.skipped, offer] });
  }

  /** Records a proof that nothing uses up: a password, or an app that was added in this sign-in. */
  async recordProof(interaction: Interaction, proved: Proved): Promise<Interaction> {
    const next = this.#withProof(interaction, proved);
    if (proved.act) this.#deps.progress.hold(interaction[inside].question, next, proved.act);
    return this.#record(interaction, next);
  }

  /**
   * Records a proof that is good once, in the transaction that consumes it: no request sees one without the other. Throws Detour when
   * another request was first, or what was proved was taken away. That undoes the transaction: nothing is proved, and nothing consumed.
   */
  async recordProofIn(em: EntityManager, interaction: Interaction, proved: Omit<Proved, 'act'>): Promise<void> {
    await this.#record(interaction, this.#withProof(interaction, proved), em);
  }

  /** The same for a task: what is done is written elsewhere in the transaction, and here that the sign-in has gone on. */
  async recordTaskIn(em: EntityManager, interaction: Interaction): Promise<void> {
    await this.#record(interaction, {}, em);
  }

  #withProof({ facts, [inside]: { progress } }: Interaction, proved: Proved): Progress {
    return withProof(progress, facts, proved, epochSeconds(this.#deps.clock));
  }

  /** Throws Detour to the dispatcher when another request was first: the same step was sent twice, or what was proved was taken away. */
  async #record(interaction: Interaction, found: Partial<Progress>, em?: EntityManager): Promise<Interaction> {
    const { question, progress: before } = interaction[inside];
    const progress = { ...before, ...found };
    const held = this.#deps.progress.held(question);
    // Written once, by `proceed`: with the next page or with the end.
    if (held !== undefined && em === undefined) this.#deps.progress.hold(question, progress, held.act);
    else if (!(await this.#deps.progress.save(question, progress, em))) throw new Detour(interaction.path);
    return this.#seen({ ...interaction[inside], progress });
  }

  #seen(found: Inside): Interaction {
    const interaction = seen(found);
    this.#latest.set(found.question, interaction);
    return interaction;
  }
}

import { type Clock, epochSeconds } from '#kernel/clock.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Context } from '#kernel/http/context.ts';
import { type Id, parseId } from '#kernel/ids.ts';
import { Detour, seeOther } from '#kernel/http/redirect.ts';
import { type EngineInteraction, type Interactions, isSignInExpired } from '#oidc/module.ts';
import { methods } from '#credentials/module.ts';
import type { ReadUser } from '#directory/users/module.ts';
import {
  type AskedInteraction,
  type BegunInteraction,
  type ChoosingInteraction,
  type DueInteraction,
  inside,
  type Interaction,
  type KnownInteraction,
  type OtherWay,
} from './interaction.ts';
import { type EarlyPage, isOpenNow, isSessionAsked, neededLevel, nextStep, type Page, type Step } from './next-step.ts';
import { InteractionRecords, type RecordDependencies } from './interaction-records.ts';
import { type Assessment, nothingYet, type ProgressStore } from './progress.ts';
import type { PasskeysHere } from './passkeys-here.ts';
import type { RememberedAccounts } from './remembered-accounts.ts';
import { forHintedUser, questionOf } from './question.ts';
import { type EndingDependencies, SignInEnding } from './sign-in-completion.ts';
import { type KnowledgeDependencies, SignInKnowledge } from './sign-in-knowledge.ts';
import type { Way, Ways } from './offered-first-factors.ts';
import type { OfferedProvider, SessionProvider } from './upstream.ts';

export type InteractionDependencies = Omit<EndingDependencies, 'engine' | 'progress' | 'remembered' | 'passkeysHere'> &
  KnowledgeDependencies & {
    clock: Clock;
    engine: Interactions;
    progress: ProgressStore;
    ways: Ways;
    remembered: RememberedAccounts;
    passkeysHere: PasskeysHere;
    providers: RecordDependencies['providers'] & {
      offered(organization: string | null): Promise<readonly OfferedProvider[]>;
      /** The providers that an authorization request names: several of a domain. */
      askedBy(params: EngineInteraction['params'], clientId: string): Promise<readonly OfferedProvider[]>;
      /** The slug of the one that this browser used last. */
      lastUsed(ctx: Context): string | null;
      /** The provider with which a session began, by the slug of its connection; null where no sign-in can begin with it now. */
      ofSession(connection: string): Promise<SessionProvider | null>;
    };
    /** Puts the pages of this request into the brand of the organization, or of the client. */
    dress(ctx: Context, clientId: string, organizationId: Id<'org'> | null): Promise<void>;
  };

/** Reads one sign-in in progress, and finds its next step. */
export class InteractionService extends InteractionRecords {
  readonly #deps: InteractionDependencies;
  readonly #ending: SignInEnding;
  readonly #knowledge: SignInKnowledge;
  /** The question of a request, read once. */
  readonly #questions = new WeakMap<Context, EngineInteraction>();

  constructor(dependencies: InteractionDependencies) {
    super(dependencies);
    this.#deps = dependencies;
    this.#ending = new SignInEnding(dependencies);
    this.#knowledge = new SignInKnowledge(dependencies);
  }

  /** The sign-in that the address and this browser's cookie both name. Throws oidc.sign_in_expired. */
  async require(ctx: Context): Promise<Interaction> {
    const known = this.#questions.get(ctx);
    const latest = known && this.latestOf(known);
    if (latest !== undefined) return latest;
    const read = await this.#deps.engine.require(ctx, ctx.params['uid'] ?? '');
    const sessionUser = await this.#knowledge.sessionUser(ctx, read);
    const question = forHintedUser(read, sessionUser);
    const progress = this.#deps.progress.of(question);
    await this.#deps.dress(ctx, question.client.id, parseId('org', question.organization ?? ''));
    this.#questions.set(ctx, question);
    const { clock, remembered, passkeysHere, providers: upstream } = this.#deps;
    const providers = await upstream.offered(question.organization);
    const asked = await upstream.askedBy(question.params, question.client.id);
    const began = question.isAgain ? (question.session?.connection ?? null) : null;
    const again = began === null ? null : await upstream.ofSession(began);
    const accounts = remembered.list(ctx);
    const passkeySince = passkeysHere.of(ctx);
    const lastProvider = upstream.lastUsed(ctx);
    const found = { question, progress, sessionUser, accounts, passkeySince, providers, asked, lastProvider, again };
    return this.seen({ ...found, now: epochSeconds(clock) });
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
        return this.proceed(ctx, await this.carryIdentifier(interaction));
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
    const record = (assessment: Assessment) => this.record(interaction, { assessment });
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
    if (interaction?.isClosed === true) return way === methods.federation.first.page;
    return this.#deps.ways.openIn(interaction).includes(way);
  }

  /** Whether an address may become one of a new account here, whatever the account would prove. */
  async takesNewAccount(email: string): Promise<boolean> {
    return (await this.#deps.providers.realmOf(email))?.demandsConnection !== true;
  }

  /** The other ways to begin, for links: by policy alone. */
  otherWays(interaction: Interaction, than: Way): readonly OtherWay[] {
    const others = this.#deps.ways.openIn(interaction).filter((way) => way !== than && this.isOpen(interaction, way));
    return others.map((way) => ({ way, url: `${interaction.path}/${way}` }));
  }
}

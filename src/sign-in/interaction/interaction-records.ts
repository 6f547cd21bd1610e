import { type Clock, epochSeconds } from '#kernel/clock.ts';
import type { EntityManager } from '#kernel/database.ts';
import { Detour } from '#kernel/http/redirect.ts';
import type { EngineInteraction } from '#oidc/module.ts';
import {
  type BegunInteraction,
  identifierOfSession,
  inside,
  type Inside,
  type Interaction,
  leadIn,
  namedIn,
  seen,
} from './interaction.ts';
import type { Progress, ProgressStore } from './progress.ts';
import { type Proved, withIdentifier, withProof } from './progress-changes.ts';
import type { RememberedAccount } from './remembered-accounts.ts';
import type { Offer } from './requirements.ts';
import type { Realm, Upstream } from './upstream.ts';

export type RecordDependencies = {
  clock: Clock;
  progress: ProgressStore;
  providers: { realmOf(identifier: string): Promise<Realm | null> };
};

/** Records in one sign-in what its steps find out. */
export class InteractionRecords {
  readonly #clock: Clock;
  readonly #progress: ProgressStore;
  readonly #providers: RecordDependencies['providers'];
  /** The sign-in as it is now, with what this request has recorded since. */
  readonly #latest = new WeakMap<EngineInteraction, Interaction>();

  constructor({ clock, progress, providers }: RecordDependencies) {
    this.#clock = clock;
    this.#providers = providers;
    this.#progress = progress;
  }

  protected latestOf(question: EngineInteraction): Interaction | undefined {
    return this.#latest.get(question);
  }

  /** Whether a code was sent because the page that asks for it was shown. */
  wasSent({ identifier, [inside]: { progress } }: BegunInteraction, way: keyof Progress['sentTo']): boolean {
    return progress.sentTo[way] === identifier;
  }

  async recordSent(interaction: BegunInteraction, way: keyof Progress['sentTo']): Promise<Interaction> {
    const { sentTo } = interaction[inside].progress;
    return this.record(interaction, { sentTo: { ...sentTo, [way]: interaction.identifier } });
  }

  /** `remember`: the box on the page of the address. */
  async recordIdentifier(
    interaction: Interaction,
    identifier: string | null,
    box: Pick<Proved, 'remember'> = {},
  ): Promise<Interaction> {
    const { question, progress } = interaction[inside];
    return this.record(interaction, { ...withIdentifier(progress, identifier, question), ...box });
  }

  /** The user of the session proves again who they are. */
  async carryIdentifier(interaction: Interaction): Promise<Interaction> {
    const { question, progress } = interaction[inside];
    const carried = withIdentifier(progress, identifierOfSession(interaction), question);
    return this.record(interaction, { ...carried, isCarried: true });
  }

  async recordChoice(interaction: Interaction, chosen: 'session' | 'another'): Promise<Interaction> {
    return this.record(interaction, { chosen, identifier: null });
  }

  /** An account that this browser remembers is as good as its address, typed; the one of a session is another. */
  async recordAccount(interaction: Interaction, { identifier }: RememberedAccount): Promise<Interaction> {
    const { question, progress, sessionUser } = interaction[inside];
    const chosen = sessionUser === null ? progress.chosen : 'another';
    // Its own page has the box, ticked.
    return this.record(interaction, { ...withIdentifier(progress, identifier, question), chosen, remember: null });
  }

  /** An identity at an upstream provider waits for its account: for the one with this address, or for a new one. */
  async recordUpstream(interaction: Interaction, upstream: Upstream, identifier: string | null): Promise<Interaction> {
    const begun = withIdentifier(interaction[inside].progress, identifier, interaction[inside].question);
    return this.record(interaction, { ...begun, upstream, wants: identifier === null ? 'account' : 'sign-in' });
  }

  /** The box on a page from which the user leaves for a provider: it comes back with the sign-in. */
  async recordBox(interaction: Interaction, remember: boolean): Promise<Interaction> {
    return this.record(interaction, { remember });
  }

  /** This browser goes to the provider that the address or the request leads to. */
  async recordLed(interaction: Interaction): Promise<Interaction> {
    return this.record(interaction, { led: leadIn(interaction[inside]) });
  }

  /** Creating an account instead of signing in, or the other way round. */
  async recordWish(interaction: Interaction, wants: 'sign-in' | 'account'): Promise<Interaction> {
    return this.record(interaction, { wants });
  }

  async recordSkip(interaction: Interaction, offer: Offer): Promise<Interaction> {
    return this.record(interaction, { skipped: [...interaction[inside].progress.skipped, offer] });
  }

  /** Records a proof that nothing uses up: a password, or an app that was added in this sign-in. */
  async recordProof(interaction: Interaction, proved: Proved): Promise<Interaction> {
    const next = this.#withProof(interaction, proved);
    if (proved.act) this.#progress.hold(interaction[inside].question, next, proved.act);
    return this.record(interaction, next);
  }

  /**
   * Records a proof that is good once, in the transaction that consumes it: no request sees one without the other. Throws Detour when
   * another request was first, or what was proved was taken away. That undoes the transaction: nothing is proved, and nothing consumed.
   */
  async recordProofIn(em: EntityManager, interaction: Interaction, proved: Omit<Proved, 'act'>): Promise<void> {
    await this.record(interaction, this.#withProof(interaction, proved), em);
  }

  /** The same for a task: what is done is written elsewhere in the transaction, and here that the sign-in has gone on. */
  async recordTaskIn(em: EntityManager, interaction: Interaction): Promise<void> {
    await this.record(interaction, {}, em);
  }

  #withProof({ facts, [inside]: { progress } }: Interaction, proved: Proved): Progress {
    return withProof(progress, facts, proved, epochSeconds(this.#clock));
  }

  /** Throws Detour to the dispatcher when another request was first: the same step was sent twice, or what was proved was taken away. */
  protected async record(interaction: Interaction, found: Partial<Progress>, em?: EntityManager): Promise<Interaction> {
    const { question, progress: before } = interaction[inside];
    const progress = { ...before, ...found };
    const held = this.#progress.held(question);
    // Written once, by `proceed`: with the next page or with the end.
    if (held !== undefined && em === undefined) this.#progress.hold(question, progress, held.act);
    else if (!(await this.#progress.save(question, progress, em))) throw new Detour(interaction.path);
    return this.seen({ ...interaction[inside], progress }, interaction);
  }

  /** With the same address as `before`, nothing is looked up: the caller may be in a transaction. */
  protected async seen(found: Omit<Inside, 'realm'>, before?: Interaction): Promise<Interaction> {
    const { identifier } = namedIn(found);
    const isSame = before !== undefined && before.identifier === identifier;
    const realm = isSame ? before[inside].realm : await this.#realmOf(identifier);
    const interaction = seen({ ...found, realm });
    this.#latest.set(found.question, interaction);
    return interaction;
  }

  async #realmOf(identifier: string | null): Promise<Realm | null> {
    return identifier === null ? null : this.#providers.realmOf(identifier);
  }
}

import { type AuditLog, byUser } from '#audit/module.ts';
import { type Context, visitorOf } from '#kernel/http/context.ts';
import { methods } from '#credentials/module.ts';
import type { Act } from '#kernel/postgres/one-statement.ts';
import { acrOf, type Interactions, type PromptName } from '#oidc/module.ts';
import type { UserService } from '#directory/users/module.ts';
import { inside, type KnownInteraction, type SignInEnd } from './interaction.ts';
import type { ProgressStore } from './progress.ts';
import type { PasskeysHere } from './passkeys-here.ts';
import type { RememberedAccounts } from './remembered-accounts.ts';
import type { StepRules } from './step-rules.ts';
import { userSignedIn } from './events.ts';

export type EndingDependencies = {
  engine: Pick<Interactions, 'finishLogin' | 'nextSessionId'>;
  progress: Pick<ProgressStore, 'held'>;
  users: Pick<UserService, 'active' | 'findById'>;
  audit: Pick<AuditLog, 'part'>;
  remembered: Pick<RememberedAccounts, 'note'>;
  passkeysHere: Pick<PasskeysHere, 'used'>;
  /** In the order of notification. */
  steps: readonly StepRules[];
};

/**
 * The end of a sign-in in which a user has proved enough. All that is written about it is one statement: the answer for the engine,
 * the event, what steps remember. Then the steps are called.
 */
export class SignInEnding {
  readonly #deps: EndingDependencies;

  constructor(dependencies: EndingDependencies) {
    this.#deps = dependencies;
  }

  /** Answers with the path at which the browser goes on. */
  async finish(ctx: Context, interaction: KnownInteraction, answered: readonly PromptName[]): Promise<string> {
    const { engine, users, steps } = this.#deps;
    const { path, userId, facts, requirements } = interaction;
    const { proofs, level, amr } = facts;
    if (proofs.length === 0 || level === 0) throw new Error('a sign-in was to finish without a proof');
    const { question } = interaction[inside];
    const authTime = Math.max(...proofs.map(({ at }) => at));
    const sessionId = facts.ownSessionId ?? (await engine.nextSessionId(ctx));
    const end = { ...interaction, level, amr, sessionId };
    const { spared } = requirements;
    const remember = interaction.keep === true;
    const { connection } = facts;
    const login = { accountId: userId, amr, acr: acrOf(level), authTime, remember, spared, connection, sessionId };
    let next: string | null;
    try {
      next = await engine.finishLogin(question, login, answered, this.#act(ctx, interaction, end));
    } catch (error) {
      // A user who was erased at this moment signs in no more: the sign-in begins again.
      if ((await users.findById(userId)) === null) return path;
      throw error;
    }
    // A proof that was revoked since the read does not count: the sign-in starts again.
    if (next === null) return path;
    if (facts.session === null) this.#remember(ctx, interaction);
    for (const step of steps) await step.signedIn?.(ctx, end);
    return next;
  }

  /** This browser keeps for the next sign-in who signed in here, and how. */
  #remember(ctx: Context, { facts: { user, proofs }, keep }: KnownInteraction): void {
    const { remembered, passkeysHere } = this.#deps;
    const [way] = proofs.map(({ factor }) => methods[factor].first?.page ?? null);
    if (way === undefined) return;
    remembered.note(ctx, user, { keep, way });
    if (way === methods.passkey.first.page) passkeysHere.used(ctx, user, { keep });
  }

  #act(
    ctx: Context,
    { userId, facts, question, ...interaction }: KnownInteraction,
    end: SignInEnd,
  ): Omit<Act, 'decision'> {
    const { audit, progress, users, steps } = this.#deps;
    const { signals, actions } = facts.assessment ?? { signals: [], actions: [] };
    const event = audit.part(
      userSignedIn({
        ...byUser(userId, visitorOf(ctx)),
        subject: { type: 'user', id: userId },
        clientId: question.client.id,
        details: { level: end.level, amr: end.amr, signals, actions },
      }),
    );
    const held = progress.held(interaction[inside].question)?.act ?? { conditions: [], others: [] };
    return {
      conditions: [users.active(userId), ...held.conditions],
      others: [event, ...held.others, ...steps.flatMap((step) => step.ending?.(ctx, end) ?? [])],
    };
  }
}

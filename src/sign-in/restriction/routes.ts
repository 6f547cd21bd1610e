import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import { methods } from '#credentials/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import type { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import type { Interactions } from '#oidc/module.ts';
import {
  type DueInteraction,
  type InteractionService,
  isUnmet,
  type RefusedSignIns,
  StepRouter,
  type Way,
  type Ways,
} from '#sign-in/interaction/module.ts';
import { restrictionView } from './restriction-view.ts';
import { identifierOf, shownAccount } from '#directory/users/module.ts';

export type RouteDependencies = {
  interactions: Pick<InteractionService, 'due' | 'proceed' | 'recordIdentifier'>;
  engine: Pick<Interactions, 'finishRefused'>;
  ways: Pick<Ways, 'leftBy'>;
  refused: Pick<RefusedSignIns, 'note'>;
};

const restrictionForm = form(
  z.object({ action: z.enum(['continue', 'leave']).optional(), method: z.string().max(32).optional() }),
);

/** The page of a sign-in that an organization of its user refuses: begin again in another way, try again, or leave. */
export function restrictionRoutes({ interactions, engine, ways, refused }: RouteDependencies): Router<State> {
  const router = new StepRouter();

  router.page('restriction', showOwn);
  router.post('/interaction/:uid/restriction', goOn);

  async function showOwn(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'restriction');
    if (due === null) return;
    const { path, question, facts, requirements } = due;
    const by = byUser(due.userId, visitorOf(ctx), question.client.id);
    if (requirements.refusal !== null) await refused.note(due, requirements.refusal, by);
    return show(ctx, 200, restrictionView, {
      action: `${path}/restriction`,
      reason: requirements.refusal ?? 'network',
      ways: waysOf(due),
      account: shownAccount(facts.user),
      changeUrl: `${path}/login`,
      client: { name: question.client.name },
    });
  }

  async function goOn(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'restriction');
    if (due === null) return;
    const { values } = await restrictionForm.read(ctx);
    const way = waysOf(due).find((each) => each === values.method);
    if (way !== undefined) return beginAgain(ctx, due, way);
    if (values.action !== 'leave') return seeOther(ctx, due.path);
    return seeOther(
      ctx,
      await engine.finishRefused(ctx, 'access_denied', 'The organization of the user does not allow this sign-in.'),
    );
  }

  /** Nothing that was proved counts any more: the sign-in is again one of a typed address. */
  async function beginAgain(ctx: Context, due: DueInteraction, way: Way): Promise<void> {
    const { user, ...facts } = due.facts;
    const own = due.identifier ?? identifierOf(user);
    // The domain of the email address says where the user signs in, and a username has none.
    const { path } = await interactions.recordIdentifier(due, isUnmet(facts) ? (user.email ?? own) : own);
    return seeOther(ctx, `${path}/${way}`);
  }

  function waysOf({ requirements, facts, providers }: DueInteraction): readonly Way[] {
    if (requirements.refusal !== 'way') return [];
    if (isUnmet(facts)) return facts.demand.connections.length > 0 ? [methods.federation.first.page] : [];
    return ways.leftBy(facts.policy.signIn.methods, providers);
  }

  return router;
}

import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import type { UserId } from '#directory/users/module.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { organizationGone } from '../errors.ts';
import type { JoinRequests } from './join-requests.ts';
import { type RequestsPage, requestsView } from './requests-view.ts';

const PAGE = '/account/organizations/:id/requests';
const answerForm = form(z.object({ user: z.string().min(1).max(64), action: z.enum(['approve', 'refuse']) }));
const page = formPage<Pick<RequestsPage, 'problem'>>();

type Dependencies = { ownPages: Pick<OwnPages, 'require'>; joinRequests: JoinRequests };

/** Routes of `/account/organizations/:id/requests`: those who manage the members of an organization answer requests to join it. */
export function requestRoutes({ ownPages, joinRequests }: Dependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showRequests);
  router.post(PAGE, answerRequest);

  async function showRequests(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const managed = await requireManaged(ctx, person);
    const { problem = null } = page.refused(ctx);
    show(ctx, 200, requestsView, {
      frame: accountFrame(ctx, person),
      action: ctx.path,
      organization: managed.name,
      requests: await joinRequests.list(managed),
      problem,
    });
  }

  async function answerRequest(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const answer = await answerForm.read(ctx);
    const managed = await requireManaged(ctx, person);
    if (!answer.isValid) return page.refuse(ctx, ctx.path, { problem: 'answered' });
    const { user, action } = answer.values;
    const outcome = await joinRequests.answer(managed, user, action, byUser(person.userId, visitorOf(ctx)));
    if (outcome !== 'done') return page.refuse(ctx, ctx.path, { problem: outcome });
    return seeOther(ctx, `${ctx.path}?done=${action === 'approve' ? 'let_in' : 'request_declined'}`);
  }

  /** An organization where the reader may not answer is not there. */
  async function requireManaged(ctx: Context, { userId }: { userId: UserId }) {
    const found = await joinRequests.findManaged(userId, ctx.params['id'] ?? '');
    if (found === null) throw organizationGone();
    return found;
  }

  return router;
}

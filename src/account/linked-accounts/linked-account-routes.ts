import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import { AppError } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { Router } from '#kernel/http/router.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import type { LinkedAccounts, Linking } from './linked-accounts.ts';
import { type LinkedAccountsPage, linkedAccountsView } from './linked-accounts-view.ts';

type LinkedAccountRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  linkedAccounts: LinkedAccounts;
  linking: Linking;
};

const PAGE = '/account/linked-accounts';
const RETURN = `${PAGE}/return`;
const linkForm = form(z.object({ connection: z.string().max(64) }));
const unlinkForm = form(z.object({ account: z.string().max(64) }));
const linkedPage = formPage<Pick<LinkedAccountsPage, 'problem'>>();

/** Routes of `/account/linked-accounts`: the accounts at upstream providers, linking and unlinking. */
export function linkedAccountRoutes({
  ownPages,
  linkedAccounts,
  linking,
}: LinkedAccountRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showLinked);
  router.post(`${PAGE}/link`, beginLink);
  router.get(RETURN, finishLink);
  router.post(`${PAGE}/unlink`, unlink);

  async function showLinked(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const [linked, offered] = await Promise.all([linkedAccounts.list(person.userId), linking.offered()]);
    const { problem = null } = linkedPage.refused(ctx);
    show(ctx, 200, linkedAccountsView, { frame: accountFrame(ctx, person), linked, offered, problem });
  }

  /** The answer of the provider comes back to this session alone, which has just proved all that this user can prove. */
  async function beginLink(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: PAGE });
    if (person === null) return;
    const { isValid, values } = await linkForm.read(ctx);
    if (!isValid) return seeOther(ctx, PAGE);
    const location = await linking.begin(values.connection, person.sessionId, RETURN);
    if (location !== null) return seeOther(ctx, location, [location]);
    return refuse(ctx, 'unreachable', values.connection);
  }

  async function finishLink(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { returnTo: PAGE });
    if (person === null) return;
    const answer = await linking.take(ctx.query['proof'], person.sessionId);
    if (answer === null) return seeOther(ctx, PAGE);
    if (answer.kind !== 'identity') return refuse(ctx, answer.kind, answer.connection);
    const outcome = await linkedAccounts.link(person.userId, answer, byUser(person.userId, visitorOf(ctx)));
    if (outcome === 'linked') return seeOther(ctx, `${PAGE}?done=linked`);
    return linkedPage.refuse(ctx, PAGE, { problem: { kind: outcome, provider: answer.provider } });
  }

  async function unlink(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: PAGE });
    if (person === null) return;
    const { isValid, values } = await unlinkForm.read(ctx);
    if (!isValid) return seeOther(ctx, PAGE);
    const { userId, sessionId } = person;
    try {
      await linkedAccounts.unlink(userId, values.account, byUser(userId, visitorOf(ctx)), sessionId);
      seeOther(ctx, `${PAGE}?done=removed`);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'credentials.last_way_in') throw error;
      linkedPage.refuse(ctx, PAGE, { problem: { kind: 'last_way' } });
    }
  }

  async function refuse(ctx: Context, kind: 'unreachable' | 'cancelled' | 'refused', connection: string) {
    const provider = (await linking.offered()).find(({ slug }) => slug === connection)?.name ?? connection;
    linkedPage.refuse(ctx, PAGE, { problem: { kind, provider } });
  }

  return router;
}

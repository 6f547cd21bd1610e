import { z } from 'zod';
import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { LATELY, type OwnPages } from '#oidc/sessions/module.ts';
import { accountFrame } from '../account-frame.ts';
import { organizationGone } from '../errors.ts';
import { type LeavePage, leaveView, type OrganizationsPage, organizationsView } from './organizations-view.ts';
import type { OwnOrganizations } from './own-organizations.ts';

const PAGE = '/account/organizations';
const LEAVE = `${PAGE}/:id/leave`;
const answerForm = form(z.object({ invitation: z.string().min(1).max(64), action: z.enum(['accept', 'decline']) }));
const createForm = form(z.object({ name: z.string().trim().max(1000).default('') }));
const askForm = form(z.object({}));
const leaveForm = form(z.object({}));
const page = formPage<Pick<OrganizationsPage, 'problem'> & NonNullable<OrganizationsPage['create']>>();
const leavePage = formPage<Pick<LeavePage, 'problem'>>();

type Dependencies = { ownPages: Pick<OwnPages, 'require'>; own: OwnOrganizations };

/** Routes of `/account/organizations`: roles, invitations, leaving, and a new organization where the user may create one. */
export function organizationRoutes({ ownPages, own }: Dependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showOrganizations);
  router.post(PAGE, answerInvitation);
  router.post(`${PAGE}/create`, createOrganization);
  router.post(`${PAGE}/join`, askToJoin);
  router.get(LEAVE, showLeave);
  router.post(LEAVE, leaveOrganization);

  async function showOrganizations(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { problem = null, name = '', error = null } = page.refused(ctx);
    show(ctx, 200, organizationsView, {
      frame: accountFrame(ctx, person),
      organizations: await own.list(person.userId),
      invitations: await own.listInvitations(person.userId),
      offer: await own.findOffer(person.userId),
      create: (await own.mayCreate(person.userId)) ? { name, error } : null,
      problem,
    });
  }

  async function answerInvitation(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const answer = await answerForm.read(ctx);
    if (!answer.isValid) return page.refuse(ctx, PAGE, { problem: 'over' });
    const { action, invitation } = answer.values;
    const by = byUser(person.userId, visitorOf(ctx));
    if (!(await own[action](person.userId, invitation, by))) return page.refuse(ctx, PAGE, { problem: 'over' });
    return seeOther(ctx, `${PAGE}?done=${action === 'accept' ? 'joined' : 'declined'}`);
  }

  async function createOrganization(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { returnTo: PAGE });
    if (person === null) return;
    const typed = await createForm.read(ctx);
    const name = typed.isValid ? typed.values.name : '';
    if (name === '') return page.refuse(ctx, PAGE, { error: 'required' });
    const outcome = await own.create(person.userId, name, byUser(person.userId, visitorOf(ctx)));
    if (outcome === 'invalid') return page.refuse(ctx, PAGE, { name, error: 'invalid' });
    if (outcome === 'refused') return page.refuse(ctx, PAGE, { problem: 'refused' });
    return seeOther(ctx, `${PAGE}?done=created`);
  }

  async function askToJoin(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    await askForm.read(ctx);
    await own.ask(person.userId, byUser(person.userId, visitorOf(ctx)));
    return seeOther(ctx, PAGE);
  }

  async function showLeave(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { id, name } = await requireOwn(ctx, person);
    const { problem = null } = leavePage.refused(ctx);
    show(ctx, 200, leaveView, { frame: accountFrame(ctx, person), id, organization: name, problem });
  }

  async function leaveOrganization(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    await leaveForm.read(ctx);
    const { id } = await requireOwn(ctx, person);
    const outcome = await own.leave(person.userId, id, byUser(person.userId, visitorOf(ctx)));
    if (outcome === 'last_owner') return leavePage.refuse(ctx, ctx.path, { problem: 'last_owner' });
    return seeOther(ctx, `${PAGE}?done=left`);
  }

  /** An organization of others is not there. */
  async function requireOwn(ctx: Context, { userId }: { userId: Parameters<OwnOrganizations['find']>[0] }) {
    const found = await own.find(userId, ctx.params['id'] ?? '');
    if (found === null) throw organizationGone();
    return found;
  }

  return router;
}

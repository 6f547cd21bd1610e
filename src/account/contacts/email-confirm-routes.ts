import { Router } from '#kernel/http/router.ts';
import { triedCode } from '#credentials/module.ts';
import { accountFrame } from '../account-frame.ts';
import { byUser } from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { AGAIN, LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import { canonicalEmail } from '#directory/users/module.ts';
import { type EmailChanges, type EmailProofs, linkView } from '#directory/contacts/module.ts';
import { askingBrowser, emailForm, proofForm } from './contact-form.ts';
import { type ChangePage, changeView } from './change-view.ts';
import { type ConfirmPage, confirmView } from './confirm-view.ts';

export type ConfirmDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  emailProofs: Pick<EmailProofs, 'send' | 'sendAgain' | 'pending' | 'find' | 'confirmByCode' | 'confirmByLink'>;
  emailChanges: Pick<EmailChanges, 'confirmByCode' | 'confirmByLink'>;
  links: Readonly<Record<What, MailedLink>>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const changePage = formPage<Pick<ChangePage, 'email' | 'problem'>>();
const confirmPage = formPage<Pick<ConfirmPage, 'problem' | 'resent'>>();
const HOME = '/account/emails';
const CHANGE = `${HOME}/change`;
const purposes = { address: 'verify_email', change: 'change_email' } as const;
type What = keyof typeof purposes;

/** Asking for another primary email address. A user without one adds one instead. */
export function emailChangeRoutes({ ownPages, emailProofs, deviceCookie }: ConfirmDependencies): Router<State> {
  const router = new Router<State>();

  router.get(CHANGE, showChange);
  router.post(CHANGE, askForChange);

  async function askForChange(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    if (!person.user.email) return seeOther(ctx, HOME);
    const form = await emailForm.read(ctx);
    if (!form.isValid)
      return changePage.refuse(ctx, CHANGE, {
        email: form.values.email ?? '',
        problem: { kind: form.errors.email === 'required' ? 'required' : 'email' },
      });
    const { email: address } = form.values;
    if (canonicalEmail(address) === person.user.emailCanonical)
      return changePage.refuse(ctx, CHANGE, { email: address, problem: { kind: 'same' } });
    const by = byUser(person.userId, visitorOf(ctx));
    const path = `${HOME}/confirm/change`;
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const asker = { userId: person.userId, by, language: ctx.state.language, browser };
    if (!(await emailProofs.send(asker, { address, why: 'change', path })))
      return changePage.refuse(ctx, CHANGE, { email: address, problem: { kind: 'limited' } });
    return seeOther(ctx, path);
  }

  async function showChange(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    if (!person.user.email) return seeOther(ctx, HOME);
    const { email = '', problem = null } = changePage.refused(ctx);
    show(ctx, 200, changeView, { frame: accountFrame(ctx, person), action: CHANGE, backUrl: HOME, email, problem });
  }

  return router;
}

/** Confirming what was asked for: by the code, or by the link in this very session. */
export function emailConfirmRoutes(what: What, dependencies: ConfirmDependencies): Router<State> {
  const { ownPages, emailProofs, emailChanges, links, deviceCookie } = dependencies;
  const router = new Router<State>();
  const pages = [`${HOME}/confirm/${what}`, `${HOME}/confirm/${what}/:link`];

  router.get(pages, showConfirm);
  router.post(pages, confirm);

  async function confirm(ctx: Context): Promise<void> {
    const { path } = ctx;
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY, returnTo: `${path}?${AGAIN}` });
    if (person === null) return;
    const form = await proofForm.read(ctx);
    if (form.values.action === 'confirm') return confirmByLink(ctx, person);
    if (form.values.action === 'resend') return sendAgain(ctx, person);
    const tried = triedCode(form);
    if ('lack' in tried) return confirmPage.refuse(ctx, path, { problem: { kind: tried.lack } });
    const { code } = tried;
    const owner = { userId: person.userId, by: byUser(person.userId, visitorOf(ctx)) };
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const outcome = await (what === 'change'
      ? emailChanges.confirmByCode({ ...owner, browser }, code)
      : emailProofs.confirmByCode(owner, { code, browser }));
    if (outcome !== 'confirmed') return confirmPage.refuse(ctx, path, { problem: { kind: outcome } });
    return seeOther(ctx, `${HOME}?done=saved`);
  }

  /** To the address that waits in this browser. */
  async function sendAgain(ctx: Context, person: SignedInPerson): Promise<void> {
    const address = await pendingAddress(ctx, person);
    if (address === undefined) return seeOther(ctx, HOME);
    const { userId } = person;
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const asker = { userId, by: byUser(userId, visitorOf(ctx)), language: ctx.state.language, browser };
    const path = `${HOME}/confirm/${what}`;
    const why = what === 'change' ? 'change' : 'further';
    return confirmPage.refuse(ctx, path, { resent: await emailProofs.sendAgain(asker, { address, why, path }) });
  }

  async function confirmByLink(ctx: Context, { userId }: Pick<SignedInPerson, 'userId'>): Promise<void> {
    const owner = { userId, by: byUser(userId, visitorOf(ctx)) };
    const link = links[what].read(ctx);
    const outcome = await (what === 'change'
      ? emailChanges.confirmByLink(owner, link)
      : emailProofs.confirmByLink(owner, { link }));
    links[what].forget(ctx);
    return outcome === 'confirmed' ? seeOther(ctx, `${HOME}?done=saved`) : showDead(ctx);
  }

  async function showConfirm(ctx: Context): Promise<void> {
    if (links[what].keep(ctx)) return;
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null, resent = null } = confirmPage.refused(ctx);
    const opened = problem === null ? await emailProofs.find(purposes[what], links[what].read(ctx)) : null;
    const isTheirs = opened?.userId === person.userId;
    if (ctx.params['link'] !== undefined && !isTheirs && problem === null) return showDead(ctx);
    const sentTo = isTheirs ? opened.address : await pendingAddress(ctx, person);
    // Nothing is open any more: confirmed by the other way, or a day has gone by.
    if (sentTo === undefined) return seeOther(ctx, HOME);
    return show(ctx, 200, confirmView, {
      frame: accountFrame(ctx, person),
      what,
      action: ctx.path,
      backUrl: HOME,
      sentTo,
      byLink: isTheirs,
      problem,
      resent,
    });
  }

  async function pendingAddress(ctx: Context, person: SignedInPerson): Promise<string | undefined> {
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    return (await emailProofs.pending(person.userId, purposes[what], browser))?.address;
  }

  return router;
}

function showDead(ctx: Context): void {
  show(ctx, 410, linkView, { action: null, email: '', next: { to: 'addresses', url: HOME } });
}

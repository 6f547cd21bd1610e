import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { accountFrame } from '../account-frame.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import { AGAIN, LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import type { ContactService, ShownContact, EmailChanges, EmailProofs } from '#directory/contacts/module.ts';
import { askingBrowser, chosenForm, emailForm } from './contact-form.ts';
import { type EmailsPage, emailsView } from './contacts-view.ts';

export type EmailRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  contacts: Pick<ContactService, 'list' | 'find'>;
  emailProofs: Pick<EmailProofs, 'send'>;
  emailChanges: Pick<EmailChanges, 'add' | 'makeFirst' | 'remove'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const emailsPage = formPage<Pick<EmailsPage, 'email' | 'problem'>>();
const PAGE = '/account/emails';
/** A user who changes how the account can be reached has proved lately who they are. */
const sensitive = { maxAgeSeconds: LATELY, returnTo: `${PAGE}?${AGAIN}` };

/** Routes of `/account/emails`: add, verify, make primary, remove. */
export function emailRoutes(deps: EmailRouteDependencies): Router<State> {
  const { ownPages, contacts, emailProofs, emailChanges, deviceCookie } = deps;
  const router = new Router<State>();

  router.get(PAGE, showEmails);
  router.post(PAGE, addEmail);
  router.post(`${PAGE}/send`, sendProof);
  router.post(`${PAGE}/first`, makeFirst);
  router.post(`${PAGE}/remove`, removeEmail);

  async function addEmail(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const form = await emailForm.read(ctx);
    if (!form.isValid)
      return emailsPage.refuse(ctx, PAGE, {
        email: form.values.email ?? '',
        problem: { kind: form.errors.email === 'required' ? 'required' : 'email' },
      });
    const { email } = form.values;
    const outcome = await emailChanges.add(person.userId, email);
    if (outcome !== 'added')
      return emailsPage.refuse(ctx, PAGE, { email, problem: { kind: outcome === 'too_many' ? 'too_many' : 'yours' } });
    return send(ctx, person, email);
  }

  async function sendProof(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    return chosen === null || chosen.isVerified ? seeOther(ctx, PAGE) : send(ctx, person, chosen.value);
  }

  async function makeFirst(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person !== null) return changeChosen(ctx, person, 'makeFirst', 'saved');
  }

  async function removeEmail(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person !== null) return changeChosen(ctx, person, 'remove', 'removed');
  }

  async function changeChosen(
    ctx: Context,
    person: SignedInPerson,
    change: 'makeFirst' | 'remove',
    done: string,
  ): Promise<void> {
    const id = (await choose(ctx, person))?.id ?? null;
    const { userId } = person;
    const isDone = id !== null && (await emailChanges[change]({ userId, by: byUser(userId, visitorOf(ctx)) }, id));
    return seeOther(ctx, isDone ? `${PAGE}?done=${done}` : PAGE);
  }

  async function send(ctx: Context, person: SignedInPerson, address: string): Promise<void> {
    const path = `${PAGE}/confirm/address`;
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const asker = {
      userId: person.userId,
      by: byUser(person.userId, visitorOf(ctx)),
      language: ctx.state.language,
      browser,
    };
    const isSent = await emailProofs.send(asker, { address, why: 'further', path });
    return isSent ? seeOther(ctx, path) : emailsPage.refuse(ctx, PAGE, { problem: { kind: 'limited' } });
  }

  /** One of the list; null when the form names none. */
  async function choose(ctx: Context, { userId }: SignedInPerson): Promise<ShownContact | null> {
    const form = await chosenForm.read(ctx);
    const key = form.isValid ? form.values.contact : '';
    if (key === 'first') return (await contacts.list(userId, 'email')).find(({ isFirst }) => isFirst) ?? null;
    const id = parseId('cnt', key);
    return id && contacts.find(userId, 'email', id);
  }

  async function showEmails(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { email = '', problem = null } = emailsPage.refused(ctx);
    const found = await contacts.list(person.userId, 'email');
    show(ctx, 200, emailsView, {
      frame: accountFrame(ctx, person),
      contacts: found.map(({ id, ...contact }) => ({ key: id ?? 'first', ...contact, isRemovable: id !== null })),
      email,
      problem,
    });
  }

  return router;
}

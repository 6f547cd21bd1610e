import { Router } from '#kernel/http/router.ts';
import { accountFrame } from '#account/account-frame.ts';
import type { Database } from '#kernel/database.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import { show } from '#kernel/views.ts';
import { AGAIN, LATELY, type OwnPages, type SignedInPerson } from '#sessions/module.ts';
import type { ContactService, ShownContact } from '#users/module.ts';
import type { EmailChanges, EmailProofs } from '#verification/module.ts';
import { askingBrowser } from './asking-browser.ts';
import { chosenForm, emailForm } from './contact-form.ts';
import { type ContactProblem, emailsView } from './contacts-view.ts';

export type EmailRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  database: Pick<Database, 'transaction'>;
  contacts: Pick<ContactService, 'list' | 'find' | 'add'>;
  emailProofs: Pick<EmailProofs, 'send'>;
  emailChanges: Pick<EmailChanges, 'makeFirst' | 'remove'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const PAGE = '/account/emails';
/** A user who changes how the account can be reached has proved lately who they are. */
const sensitive = { maxAgeSeconds: LATELY, returnTo: `${PAGE}?${AGAIN}` };

export function emailRoutes(deps: EmailRouteDependencies): Router<State> {
  const { ownPages, database, contacts, emailProofs, emailChanges, deviceCookie } = deps;
  const router = new Router<State>();

  router.get(PAGE, async (ctx: Context) => {
    const person = await ownPages.require(ctx);
    if (person !== null) await showEmails(ctx, 200, person, '', null);
  });

  router.post(PAGE, async (ctx: Context) => {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const form = await emailForm.read(ctx);
    if (!form.isValid)
      return showEmails(ctx, 422, person, form.values.email ?? '', {
        kind: form.errors.email === 'required' ? 'required' : 'email',
      });
    const { email } = form.values;
    const outcome = await database.transaction((em) =>
      contacts.add(em, person.userId, { kind: 'email', value: email }),
    );
    if (outcome !== 'added')
      return showEmails(ctx, 422, person, email, { kind: outcome === 'too_many' ? 'too_many' : 'yours' });
    return send(ctx, person, email);
  });

  router.post(`${PAGE}/send`, async (ctx: Context) => {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    return chosen === null || chosen.isVerified ? seeOther(ctx, PAGE) : send(ctx, person, chosen.value);
  });

  router.post(`${PAGE}/first`, async (ctx: Context) => {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    const id = chosen?.id ?? null;
    const isDone =
      id !== null && (await emailChanges.makeFirst({ userId: person.userId, visitor: visitorOf(ctx) }, id));
    return seeOther(ctx, isDone ? `${PAGE}?done=saved` : PAGE);
  });

  router.post(`${PAGE}/remove`, async (ctx: Context) => {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    const id = chosen?.id ?? null;
    const isDone = id !== null && (await emailChanges.remove({ userId: person.userId, visitor: visitorOf(ctx) }, id));
    return seeOther(ctx, isDone ? `${PAGE}?done=removed` : PAGE);
  });

  async function send(ctx: Context, person: SignedInPerson, address: string): Promise<void> {
    const path = `${PAGE}/confirm/address`;
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const asker = { userId: person.userId, visitor: visitorOf(ctx), language: ctx.state.language, browser };
    const isSent = await emailProofs.send(asker, { address, why: 'further', path });
    return isSent ? seeOther(ctx, path) : showEmails(ctx, 422, person, '', { kind: 'limited' });
  }

  /** One of the list; null when the form names none. */
  async function choose(ctx: Context, { userId }: SignedInPerson): Promise<ShownContact | null> {
    const form = await chosenForm.read(ctx);
    const key = form.isValid ? form.values.contact : '';
    if (key === 'first') return (await contacts.list(userId, 'email')).find(({ isFirst }) => isFirst) ?? null;
    const id = parseId('cnt', key);
    return id && contacts.find(userId, 'email', id);
  }

  async function showEmails(
    ctx: Context,
    status: number,
    person: SignedInPerson,
    email: string,
    problem: ContactProblem | null,
  ): Promise<void> {
    const found = await contacts.list(person.userId, 'email');
    show(ctx, status, emailsView, {
      frame: accountFrame(ctx, person),
      contacts: found.map(({ id, ...contact }) => ({ key: id ?? 'first', ...contact, isRemovable: id !== null })),
      email,
      problem,
    });
  }

  return router;
}

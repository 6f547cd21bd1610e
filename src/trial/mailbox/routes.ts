import { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { allowFrames, allowLetterInFrame } from '#kernel/http/security-headers.ts';
import { show } from '#kernel/views.ts';
import { mailNotFound } from './errors.ts';
import type { MailboxService, StoredMail } from './mailbox-service.ts';
import { mailboxView, mailView } from './mailbox-view.ts';

const HOME = '/dev/mailbox';
const urlOf = ({ id }: StoredMail): string => `${HOME}/${id}`;
const textOf = ({ name, address }: StoredMail['to']): string => (name ? `${name} <${address}>` : address);

/** Routes of the mailbox page and of single mails, as HTML or JSON. */
export function createRoutes(mailbox: Pick<MailboxService, 'listMails' | 'findMail'>): Router<State> {
  const routes = new Router<State>();

  routes.get(HOME, showMailbox);
  routes.get(`${HOME}/:id`, showMail);
  routes.get(`${HOME}/:id/html`, showHtml);

  async function showMailbox(ctx: Context): Promise<void> {
    const mails = await mailbox.listMails();
    // A script that tries something out reads the same mails, without a page around them.
    if (ctx.accepts('html', 'json') === 'json') return answerJson(ctx, { mails });
    return show(ctx, 200, mailboxView, {
      mails: mails.map((mail) => ({
        url: urlOf(mail),
        to: textOf(mail.to),
        subject: mail.subject,
        at: mail.at,
        isText: mail.isText === true,
      })),
    });
  }

  async function showMail(ctx: Context): Promise<void> {
    const mail = await mailbox.findMail(ctx.params['id'] ?? '');
    if (!mail) throw mailNotFound();
    const { subject, text, html, at } = mail;
    allowFrames(ctx);
    return show(ctx, 200, mailView, {
      backUrl: HOME,
      from: mail.isText ? null : textOf(mail.from),
      to: textOf(mail.to),
      subject,
      at,
      text,
      htmlUrl: html === '' ? null : `${urlOf(mail)}/html`,
      links: linksIn(text),
    });
  }

  /** The mail itself, for the frame on its page. Its links open in another tab. */
  async function showHtml(ctx: Context): Promise<void> {
    const mail = await mailbox.findMail(ctx.params['id'] ?? '');
    if (!mail || mail.html === '') throw mailNotFound();
    allowLetterInFrame(ctx);
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = mail.html.replace('<head>', '<head><base target="_blank">');
  }

  return routes;
}

function answerJson(ctx: Context, body: object): void {
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}

function linksIn(text: string): string[] {
  return [...new Set(text.match(/https?:\/\/[^\s<>"]+/g))];
}

import { Router } from '#kernel/http/router.ts';
import { triedCode } from '#credentials/module.ts';
import { accountFrame } from '../account-frame.ts';
import { type By, byUser } from '#audit/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { parseId } from '#kernel/ids.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import { show } from '#kernel/views.ts';
import { AGAIN, LATELY, type OwnPages, type SignedInPerson } from '#oidc/sessions/module.ts';
import { readPhoneNumber } from '#directory/users/module.ts';
import type { Asker, ContactService, ShownContact, PhoneChanges, PhoneProofs } from '#directory/contacts/module.ts';
import { askingBrowser, chosenForm, phoneForm, proofForm } from './contact-form.ts';
import { type ConfirmPage, confirmView } from './confirm-view.ts';
import { type PhonesPage, phonesView } from './contacts-view.ts';

export type PhoneRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  contacts: Pick<ContactService, 'list' | 'find'>;
  phoneProofs: Pick<PhoneProofs, 'send' | 'sendAgain' | 'pending' | 'confirmByCode'>;
  phoneChanges: PhoneChanges;
  texts: Pick<Texts, 'isOn' | 'reaches'>;
  deviceCookie: Pick<BrowserCookie, 'read'>;
};

const phonesPage = formPage<Pick<PhonesPage, 'phone' | 'problem'>>();
const confirmPage = formPage<Pick<ConfirmPage, 'problem' | 'resent'>>();
const PAGE = '/account/phones';
const CONFIRM = `${PAGE}/confirm`;
const sensitive = { maxAgeSeconds: LATELY, returnTo: `${PAGE}?${AGAIN}` };

/** Routes of `/account/phones`: add, verify, make primary, remove. */
export function phoneRoutes(deps: PhoneRouteDependencies): Router<State> {
  const { ownPages, contacts, phoneProofs, phoneChanges, texts, deviceCookie } = deps;
  const router = new Router<State>();

  router.get(PAGE, showPhones);
  router.post(PAGE, addPhone);
  router.post(`${PAGE}/send`, sendProof);
  router.post(`${PAGE}/first`, makeChosenFirst);
  router.post(`${PAGE}/remove`, removeChosen);
  router.get(CONFIRM, showConfirm);
  router.post(CONFIRM, confirmPhone);

  async function addPhone(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const form = await phoneForm.read(ctx);
    const phone = form.values.phone ?? '';
    const refuse = (kind: NonNullable<PhonesPage['problem']>['kind']) =>
      phonesPage.refuse(ctx, PAGE, { phone, problem: { kind } });
    if (!form.isValid) return refuse(form.errors.phone === 'required' ? 'required' : 'phone');
    const number = readPhoneNumber(phone, regionOf(person));
    if (number === null) return refuse('phone');
    if (!texts.reaches(number)) return refuse('unreachable');
    const outcome = await phoneChanges.add(person.userId, number);
    if (outcome !== 'added') return refuse(outcome === 'too_many' ? 'too_many' : 'yours');
    return send(ctx, person, number);
  }

  async function sendProof(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    if (chosen === null || chosen.isVerified) return seeOther(ctx, PAGE);
    if (!texts.reaches(chosen.value)) return phonesPage.refuse(ctx, PAGE, { problem: { kind: 'unreachable' } });
    return send(ctx, person, chosen.value);
  }

  async function makeChosenFirst(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    const id = chosen?.id ?? null;
    const isDone = id !== null && (await phoneChanges.makeFirst(person.userId, id, byOwner(ctx, person)));
    return seeOther(ctx, isDone ? `${PAGE}?done=saved` : PAGE);
  }

  async function removeChosen(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, sensitive);
    if (person === null) return;
    const chosen = await choose(ctx, person);
    const isDone = chosen !== null && (await phoneChanges.remove(person.userId, chosen.id, byOwner(ctx, person)));
    return seeOther(ctx, isDone ? `${PAGE}?done=removed` : PAGE);
  }

  async function confirmPhone(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const form = await proofForm.read(ctx);
    if (form.values.action === 'resend') return sendAgain(ctx, person);
    const tried = triedCode(form);
    if ('lack' in tried) return confirmPage.refuse(ctx, CONFIRM, { problem: { kind: tried.lack } });
    const browser = askingBrowser(deviceCookie.read(ctx), person);
    const owner = { userId: person.userId, by: byOwner(ctx, person), browser };
    const outcome = await phoneProofs.confirmByCode(owner, tried.code);
    if (outcome !== 'confirmed') return confirmPage.refuse(ctx, CONFIRM, { problem: { kind: outcome } });
    return seeOther(ctx, `${PAGE}?done=saved`);
  }

  /** To the number that waits in this browser. */
  async function sendAgain(ctx: Context, person: SignedInPerson): Promise<void> {
    const asker = askerOf(ctx, person);
    const pending = await phoneProofs.pending(person.userId, asker.browser);
    if (pending === null || !texts.reaches(pending.address)) return seeOther(ctx, PAGE);
    return confirmPage.refuse(ctx, CONFIRM, { resent: await phoneProofs.sendAgain(asker, pending.address) });
  }

  const askerOf = (ctx: Context, person: SignedInPerson): Asker => ({
    userId: person.userId,
    by: byOwner(ctx, person),
    language: ctx.state.language,
    browser: askingBrowser(deviceCookie.read(ctx), person),
  });

  async function send(ctx: Context, person: SignedInPerson, number: string): Promise<void> {
    if (await phoneProofs.send(askerOf(ctx, person), number)) return seeOther(ctx, CONFIRM);
    return phonesPage.refuse(ctx, PAGE, { problem: { kind: 'limited' } });
  }

  async function choose(ctx: Context, { userId }: SignedInPerson): Promise<ShownContact | null> {
    const form = await chosenForm.read(ctx);
    const key = form.isValid ? form.values.contact : '';
    if (key === 'first') return (await contacts.list(userId, 'phone')).find(({ isFirst }) => isFirst) ?? null;
    const id = parseId('cnt', key);
    return id && contacts.find(userId, 'phone', id);
  }

  async function showPhones(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { phone = '', problem = null } = phonesPage.refused(ctx);
    const found = await contacts.list(person.userId, 'phone');
    const hasAnother = found.some(({ isFirst, isVerified }) => !isFirst && isVerified);
    show(ctx, 200, phonesView, {
      frame: accountFrame(ctx, person),
      contacts: found.map(({ id, ...contact }) => ({
        key: id ?? 'first',
        ...contact,
        isRemovable: !contact.isFirst || !hasAnother,
      })),
      canAdd: texts.isOn(),
      phone,
      problem,
    });
  }

  async function showConfirm(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx, { maxAgeSeconds: LATELY });
    if (person === null) return;
    const { problem = null, resent = null } = confirmPage.refused(ctx);
    const pending = await phoneProofs.pending(person.userId, askingBrowser(deviceCookie.read(ctx), person));
    if (pending === null) return seeOther(ctx, PAGE);
    return show(ctx, 200, confirmView, {
      frame: accountFrame(ctx, person),
      what: 'phone',
      action: CONFIRM,
      backUrl: PAGE,
      sentTo: pending.address,
      byLink: false,
      problem,
      resent,
    });
  }

  return router;
}

const byOwner = (ctx: Context, { userId }: SignedInPerson): By => byUser(userId, visitorOf(ctx));

/** The country of numbers without a country code: `CH` for de-CH. */
function regionOf({ user }: SignedInPerson): string | undefined {
  const { locale } = user.profile;
  return locale === undefined ? undefined : new Intl.Locale(locale).region;
}

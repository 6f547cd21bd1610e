import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { chooseLanguage, type Language, languages } from '#kernel/i18n.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages } from '#oidc/sessions/module.ts';
import type { Policies, Policy } from '#settings/module.ts';
import {
  detailsOf,
  labelIn,
  LARGEST_PICTURE_MEGABYTES,
  type UserDetails,
  type PersonDetails,
  type PersonField,
  shownFields,
  type User,
  type Usernames,
} from '#directory/users/module.ts';
import { accountFrame } from '../account-frame.ts';
import { isRequired, ownFields, profileForm, profilePage } from './profile-form.ts';
import { type ProfilePage, profileView } from './profile-view.ts';

type ProfileRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  userDetails: Pick<UserDetails, 'changeOwn'>;
  usernames: Pick<Usernames, 'changeOwn'>;
  policies: Policies<'profile' | 'users'>;
};

type Answers = Readonly<Record<string, unknown>> & {
  language: string;
  theme: '' | 'light' | 'dark';
  username?: string | null;
};

const PAGE = '/account/profile';

/** Routes of `/account/profile`: name, claims, custom properties, language and appearance. */
export function profileRoutes({ ownPages, userDetails, usernames, policies }: ProfileRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showProfile);
  router.post(PAGE, changeProfile);

  async function changeProfile(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const policy = policies.for({ user: person.userId });
    const form = await profileForm(policy).read(ctx);
    if (!form.isValid) return profilePage.refuse(ctx, PAGE, { values: form.values, errors: form.errors });
    const answers = form.values as Answers;
    const details = detailsOf(ownFields(policy), answers);
    const by = byUser(person.userId, visitorOf(ctx));
    const error =
      answers.username === undefined ? null : await usernames.changeOwn(person.userId, answers.username, by);
    if (error !== null) return profilePage.refuse(ctx, PAGE, { values: typedOf(answers), errors: { username: error } });
    await userDetails.changeOwn(person.userId, changesOf(person.user, details, answers), by);
    if (answers.language !== '') ctx.state.wishLanguage(answers.language);
    else if (languageOf(person.user) !== null) ctx.state.forgetLanguage();
    return seeOther(ctx, `${PAGE}?done=saved`);
  }

  async function showProfile(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { values: typed, errors = {}, pictureProblem = null } = profilePage.refused(ctx);
    const { user } = person;
    const policy = policies.for({ user: user.id });
    const fields = ownFields(policy);
    const values = Object.fromEntries(fields.map((field) => [field.field, typedOr(known(field, user), field, typed)]));
    const shown = shownFields(fields, { language: ctx.state.language, values, errors });
    show(ctx, 200, profileView, {
      frame: accountFrame(ctx, person),
      isWrong: shown.some(({ error }) => error !== null),
      fields: shown.map((field, at) => ({ ...field, isRequired: isRequired(fields[at]!, policy) })),
      facts: operatorFacts(user, policy.profile, ctx.state.language),
      languages: languageChoices(typed?.['language'] ?? languageOf(user)),
      theme: user.theme ?? null,
      pictureProblem,
      pictureMegabytes: LARGEST_PICTURE_MEGABYTES,
    });
  }

  return router;
}

/** The stored values of a refused form; an unchecked box is not sent. */
function typedOr(
  before: string,
  field: PersonField,
  typed: Readonly<Record<string, string | undefined>> | undefined,
): string {
  if (typed === undefined) return before;
  const isBox = field.kind === 'property' && field.property.type === 'boolean';
  return typed[field.field] ?? (isBox ? '' : before);
}

/** The language of ours that the person's own is nearest to; null when they follow the browser. */
export function languageOf({ profile }: Pick<User, 'profile'>): Language | null {
  return profile.locale === undefined ? null : chooseLanguage({ uiLocales: profile.locale });
}

/** A valid form, as it was typed. */
function typedOf(answers: Answers): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(answers).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? (value ? '1' : '') : String(value ?? ''),
    ]),
  );
}

function known(field: PersonField, { username, profile, properties }: User): string {
  if (field.kind === 'username') return username ?? '';
  const value = field.kind === 'claim' ? profile[field.claim] : properties[field.property.name];
  if (typeof value === 'boolean') return value ? '1' : '';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Properties that the operator set and the user may see. */
function operatorFacts({ properties }: User, schema: Policy<'profile'>, language: string): ProfilePage['facts'] {
  return schema.properties
    .filter(({ editable, visibility }) => editable === 'operator' && visibility !== 'operator')
    .filter(({ name }) => properties[name] !== undefined)
    .map(({ name, label }) => ({ label: labelIn(label, language), value: String(properties[name]) }));
}

function languageChoices(chosen: string | null): ProfilePage['languages'] {
  return Object.entries(languages).map(([tag, { name }]) => ({ language: tag, name, isChosen: tag === chosen }));
}

function changesOf(user: User, { profile, properties }: PersonDetails, { language, theme }: Answers) {
  const isOtherLanguage = language !== (languageOf(user) ?? '');
  return {
    profile: changedMembers({ ...profile, ...(isOtherLanguage ? { locale: language || null } : {}) }, user.profile),
    properties: changedMembers(properties, user.properties),
    ...(theme === (user.theme ?? '') ? {} : { theme: theme === '' ? null : theme }),
  };
}

/** The members that are not what they were. */
export function changedMembers(said: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(said).filter(([name, value]) => (before[name] ?? null) !== value));
}

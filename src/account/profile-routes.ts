import { byUser } from '#audit/module.ts';
import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { chooseLanguage, type Language, languages } from '#kernel/i18n.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages } from '#sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import { labelIn, type OwnDetails, type PersonField, shownFields, type User } from '#users/module.ts';
import { accountFrame } from './account-frame.ts';
import { isRequired, ownFields, profileForm, profilePage } from './profile-form.ts';
import { profileView } from './profile-view.ts';

type ProfileRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  ownDetails: Pick<OwnDetails, 'change'>;
  policies: Policies<'profile'>;
};

const PAGE = '/account/profile';

export function profileRoutes({ ownPages, ownDetails, policies }: ProfileRouteDependencies): Router<State> {
  const router = new Router<State>();

  router.get(PAGE, showProfile);
  router.post(PAGE, changeProfile);

  async function changeProfile(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const policy = policies.for({ user: person.userId }).profile;
    const form = await profileForm(policy).read(ctx);
    if (!form.isValid) return profilePage.refuse(ctx, PAGE, { values: form.values, errors: form.errors });
    const { language, theme, ...answers } = form.values as Record<string, unknown> & {
      language: string;
      theme: string;
    };
    const fields = ownFields(policy);
    const said = (kind: PersonField['kind']) =>
      fields.filter((field) => field.kind === kind && answers[field.field] !== undefined);
    const profile = Object.fromEntries(said('claim').map((field) => [field.field, answers[field.field]] as const));
    const properties = Object.fromEntries(
      said('property').map((field) => [field.kind === 'property' ? field.property.name : '', answers[field.field]]),
    );
    const isOtherLanguage = language !== (languageOf(person.user) ?? '');
    await ownDetails.change(
      person.userId,
      {
        profile: changed({ ...profile, ...(isOtherLanguage ? { locale: language || null } : {}) }, person.user.profile),
        properties: changed(properties, person.user.properties),
        ...(theme === (person.user.theme ?? '') ? {} : { theme: theme === '' ? null : (theme as 'light' | 'dark') }),
      },
      byUser(person.userId, visitorOf(ctx)),
    );
    if (language !== '') ctx.state.wishLanguage(language);
    return seeOther(ctx, `${PAGE}?done=saved`);
  }

  async function showProfile(ctx: Context): Promise<void> {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const { values: typed, errors = {}, pictureProblem = null } = profilePage.refused(ctx);
    const { user } = person;
    const policy = policies.for({ user: user.id }).profile;
    const fields = ownFields(policy);
    const { language } = ctx.state;
    const shown = shownFields(fields, {
      language,
      values: Object.fromEntries(fields.map((field) => [field.field, typedOr(known(field, user), field, typed)])),
      errors,
    });
    show(ctx, 200, profileView, {
      frame: accountFrame(ctx, person),
      isWrong: shown.some(({ error }) => error !== null),
      fields: shown.map((field, at) => ({ ...field, isRequired: isRequired(fields[at]!, policy) })),
      facts: policy.properties
        .filter(({ editable, visibility }) => editable === 'operator' && visibility !== 'operator')
        .filter(({ name }) => user.properties[name] !== undefined)
        .map(({ name, label }) => ({ label: labelIn(label, language), value: String(user.properties[name]) })),
      languages: Object.entries(languages).map(([tag, { name }]) => ({
        language: tag,
        name,
        isChosen: tag === (typed?.['language'] ?? languageOf(user)),
      })),
      theme: user.theme ?? null,
      pictureProblem,
    });
  }

  return router;
}

/** What was typed into a form that was refused, as far as it was kept; a box that was not ticked is not sent. */
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

function known(field: PersonField, { profile, properties }: User): string {
  const value = field.kind === 'claim' ? profile[field.claim] : properties[field.property.name];
  if (typeof value === 'boolean') return value ? '1' : '';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** The members that are not what they were. */
function changed(said: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(said).filter(([name, value]) => (before[name] ?? null) !== value));
}

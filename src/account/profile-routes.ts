import { Router } from '#kernel/http/router.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { chooseLanguage, type Language, languages } from '#kernel/i18n.ts';
import { show } from '#kernel/views.ts';
import type { OwnPages, SignedInPerson } from '#sessions/module.ts';
import type { Policies } from '#settings/module.ts';
import { labelIn, type OwnDetails, type PersonField, shownFields, type User } from '#users/module.ts';
import { accountFrame } from './account-frame.ts';
import { isRequired, ownFields, profileForm } from './profile-form.ts';
import { type ProfilePage, profileView } from './profile-view.ts';

export type ProfileRouteDependencies = {
  ownPages: Pick<OwnPages, 'require'>;
  ownDetails: Pick<OwnDetails, 'change'>;
  policies: Policies<'profile'>;
};

type Given = {
  values: Readonly<Record<string, string | undefined>>;
  errors: Readonly<Record<string, string | undefined>>;
};

export function profileRoutes({ ownPages, ownDetails, policies }: ProfileRouteDependencies) {
  const router = new Router<State>();

  router.get('/account/profile', async (ctx: Context) => {
    const person = await ownPages.require(ctx);
    if (person !== null) showProfile(ctx, 200, person);
  });

  router.post('/account/profile', async (ctx: Context) => {
    const person = await ownPages.require(ctx);
    if (person === null) return;
    const policy = policies.for({ user: person.userId }).profile;
    const form = await profileForm(policy).read(ctx);
    if (!form.isValid) return showProfile(ctx, 422, person, { given: { values: form.values, errors: form.errors } });
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
      visitorOf(ctx),
    );
    if (language !== '') ctx.state.wishLanguage(language);
    return seeOther(ctx, '/account/profile?done=saved');
  });

  function showProfile(
    ctx: Context,
    status: number,
    person: SignedInPerson,
    { given, pictureProblem = null }: { given?: Given; pictureProblem?: ProfilePage['pictureProblem'] } = {},
  ): void {
    const { user } = person;
    const policy = policies.for({ user: user.id }).profile;
    const fields = ownFields(policy);
    const { language } = ctx.state;
    const shown = shownFields(fields, {
      language,
      values: given?.values ?? Object.fromEntries(fields.map((field) => [field.field, known(field, user)])),
      errors: given?.errors ?? {},
    });
    show(ctx, status, profileView, {
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
        isChosen: tag === (given === undefined ? languageOf(user) : given.values['language']),
      })),
      theme: user.theme ?? null,
      pictureProblem,
    });
  }

  return {
    routes: router,
    /** The page again, because of the picture that was sent from it. */
    refusePicture: (ctx: Context, person: SignedInPerson, pictureProblem: NonNullable<ProfilePage['pictureProblem']>) =>
      showProfile(ctx, 422, person, { pictureProblem }),
  };
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

import type { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { type DueInteraction, type InteractionService, StepRouter } from '#sign-in/interaction/module.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { byUser } from '#audit/module.ts';
import {
  detailsOf,
  fieldShape,
  identifierOf,
  lacking,
  type PersonField,
  type ProfileCompletion,
  shownFields,
  type User,
  type Usernames,
} from '#directory/users/module.ts';
import type { Admission } from './admission.ts';
import { buttonForm } from './create-form.ts';
import { profileView } from './profile-view.ts';
import { termsView } from './terms-view.ts';

export type TaskDependencies = {
  interactions: Pick<InteractionService, 'due' | 'userChanged' | 'proceed'>;
  admission: Admission;
  profileCompletion: Pick<ProfileCompletion, 'complete' | 'acceptTerms' | 'refuseTerms'>;
  usernames: Pick<Usernames, 'changeOwn'>;
  /** Ends the sign-in and returns the redirect. The relying party receives `access_denied`. */
  refuse(ctx: Context, description: string): Promise<string>;
};

const profilePage = formPage<{
  values: Record<string, string | undefined>;
  errors: Record<string, string | undefined>;
}>();

/** Tasks before a sign-in completes: accept the terms, fill in required fields. */
export function taskRoutes(dependencies: TaskDependencies): Router<State> {
  const { interactions, admission, profileCompletion, usernames, refuse } = dependencies;
  const router = new StepRouter();

  router.page('terms', showOwnTerms);
  router.post('/interaction/:uid/terms', answerTerms);
  router.page('profile', showOwnProfile);
  router.post('/interaction/:uid/profile', completeProfile);

  async function showOwnTerms(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'terms');
    if (due !== null) showTerms(ctx, due);
  }

  async function answerTerms(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'terms');
    if (due === null) return;
    const { values } = await buttonForm.read(ctx);
    const termsVersion = admission.termsVersion({ user: due.userId });
    if (termsVersion === null) return seeOther(ctx, due.path);
    if (values.action === 'allow') {
      await profileCompletion.acceptTerms(due.userId, termsVersion, byUser(due.userId, visitorOf(ctx)));
      interactions.userChanged(ctx);
      return interactions.proceed(ctx, due);
    }
    if (values.action !== 'deny') return seeOther(ctx, ctx.path);
    await profileCompletion.refuseTerms(
      due.userId,
      termsVersion,
      byUser(due.userId, visitorOf(ctx), due.question.client.id),
    );
    return seeOther(ctx, await refuse(ctx, 'The person did not agree to the terms.'));
  }

  async function showOwnProfile(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'profile');
    if (due === null) return;
    showProfile(ctx, due);
  }

  async function completeProfile(ctx: Context): Promise<void> {
    const due = await interactions.due(ctx, 'profile');
    if (due === null) return;
    const { user } = due.facts;
    const fields = missing(user);
    const read = await form(z.object(fieldShape(fields))).read(ctx);
    if (!read.isValid) return profilePage.refuse(ctx, ctx.path, { values: read.values, errors: read.errors });
    const by = byUser(user.id, visitorOf(ctx));
    const { username } = read.values as { username?: string };
    const error = username === undefined ? null : await usernames.changeOwn(user.id, username, by);
    if (error !== null)
      return profilePage.refuse(ctx, ctx.path, { values: typedIn(read.values), errors: { username: error } });
    await profileCompletion.complete(user.id, detailsOf(fields, read.values), by);
    interactions.userChanged(ctx);
    return interactions.proceed(ctx, due);
  }

  const typedIn = (values: object) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        typeof value === 'boolean' ? (value ? '1' : '') : String(value),
      ]),
    );

  const missing = (user: User): readonly PersonField[] => lacking(admission.requiredOf(user.id), user);

  function showTerms(ctx: Context, { path, question, facts }: DueInteraction): void {
    const client = { name: question.client.name };
    show(ctx, 200, termsView, {
      action: `${path}/terms`,
      client,
      identifier: identifierOf(facts.user),
      isChange: facts.user.termsVersion !== null,
    });
  }

  function showProfile(ctx: Context, { path, facts: { user } }: DueInteraction): void {
    const fields = shownFields(missing(user), { language: ctx.state.language, ...profilePage.refused(ctx) });
    show(ctx, 200, profileView, { action: `${path}/profile`, identifier: identifierOf(user), fields });
  }

  return router;
}

import { methods, unavailableWhenBusy } from '#credentials/module.ts';
import { Router } from '#kernel/http/router.ts';
import { unreachable } from '#kernel/errors.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { detailsOf, shownFields, usernameField } from '#directory/users/module.ts';
import type { Interaction } from '#sign-in/interaction/module.ts';
import { instance } from '#settings/module.ts';
import { usernameForm } from './create-form.ts';
import { askerOf, type CreateDependencies, errorsOf, shownAgain } from './create-routes.ts';
import { type CreatePage, createView, noErrors } from './create-view.ts';
import type { Newcomer } from './new-accounts.ts';
import type { UsernameRegistration } from './username-registration.ts';

type UsernameRouteDependencies = Pick<
  CreateDependencies,
  'interactions' | 'admission' | 'rules' | 'passwordProblem' | 'work'
> & {
  usernameRegistration: UsernameRegistration;
};

const PAGE = '/interaction/:uid/create/username';
type Wrong = {
  fields?: Readonly<Record<string, string | undefined>>;
  errors?: Partial<CreatePage['errors']>;
  problem?: CreatePage['problem'];
};
type Answers = Readonly<Record<string, unknown>> & { username: string; password: string };
const usernamePage = formPage<Required<Wrong> & { values: Readonly<Record<string, string | undefined>> }>();

/** Routes of the registration without an email address, where the settings offer it. */
export function usernameRoutes(dependencies: UsernameRouteDependencies): Router<State> {
  const { interactions, admission, usernameRegistration, rules, passwordProblem, work } = dependencies;
  const router = new Router<State>();

  router.get(PAGE, showOwn);
  router.post(PAGE, createAccount);

  async function showOwn(ctx: Context): Promise<void> {
    const interaction = await open(ctx);
    if (interaction !== null) await showForm(ctx, interaction);
  }

  async function createAccount(ctx: Context): Promise<void> {
    const interaction = await open(ctx);
    if (interaction === null) return;
    const form = await usernameForm(fields(), admission.termsVersion(instance) !== null).read(ctx);
    const values = Object.fromEntries(Object.entries(form.values).map(([name, value]) => [name, shownAgain(value)]));
    const refuse = (wrong: Wrong) => usernamePage.refuse(ctx, ctx.path, { values, ...wrong });
    const password = form.isValid ? form.values.password : form.secret('password');
    if (!form.isValid || password === '') {
      const problem = await passwordProblem(password, values, ctx.state.ip);
      const errors = form.isValid ? {} : form.errors;
      return refuse({ fields: errors, errors: errorsOf(errors, problem) });
    }
    const answers = form.values as typeof form.values & { username: string };
    if ((await work.check(ctx.state.ip, answers.work)) === 'missing') return refuse({ problem: { kind: 'work' } });
    const outcome = await register(ctx, interaction, answers);
    if (outcome.kind === 'created') return interactions.proceed(ctx, await interactions.require(ctx));
    return refuse(wrongIn(outcome));
  }

  function register(ctx: Context, interaction: Interaction, answers: Answers) {
    const { username, password } = answers;
    const termsVersion = admission.termsVersion(instance);
    const wish = { ...detailsOf(fields(), answers), username, password, termsVersion };
    return usernameRegistration
      .register(interaction.uid, wish, newcomerOf(ctx, interaction))
      .catch(unavailableWhenBusy);
  }

  function wrongIn(outcome: Exclude<Awaited<ReturnType<typeof register>>, { kind: 'created' }>): Wrong {
    switch (outcome.kind) {
      case 'username':
        return { fields: { username: outcome.error } };
      case 'refused':
        return { errors: { password: outcome.problem } };
      case 'throttled':
      case 'unavailable':
        return { problem: outcome };
      default:
        return unreachable(outcome);
    }
  }

  /** Null where the form is not offered: then the response is written. */
  async function open(ctx: Context): Promise<Interaction | null> {
    const interaction = await interactions.open(ctx, 'create');
    if (interaction === null || admission.takesUsernames) return interaction;
    seeOther(ctx, `${interaction.path}/create`);
    return null;
  }

  /** The password that was chosen begins this sign-in, too. */
  function newcomerOf(ctx: Context, interaction: Interaction): Newcomer {
    const proof = { factor: 'password', amr: methods.password.amr } as const;
    return {
      ...askerOf(ctx, interaction),
      record: (em, userId) => interactions.recordProofIn(em, interaction, { userId, proof }),
    };
  }

  const fields = () => [usernameField, ...admission.fields()];

  async function showForm(ctx: Context, { path, question, upstream }: Interaction): Promise<void> {
    const { values: typed = {}, fields: wrong = {}, errors = {}, problem = null } = usernamePage.refused(ctx);
    show(ctx, 200, createView, {
      action: ctx.path,
      client: { name: question.client.name },
      email: null,
      isInvited: false,
      otherUrl: null,
      domains: [],
      fields: shownFields(fields(), { language: ctx.state.language, values: typed, errors: wrong }),
      method: 'password',
      otherMethods: [],
      passwordUrl: null,
      insteadUrl: `${path}/create`,
      rules: rules(),
      waitingProvider: upstream?.connection.name ?? null,
      buttons: { action: `${path}/federation`, providers: [], lastProvider: null },
      asksForTerms: admission.termsVersion(instance) !== null,
      hasAgreed: typed['terms'] !== undefined,
      signInUrl: `${path}/login`,
      errors: { ...noErrors, ...errors },
      problem,
      challenge: await work.challenge(ctx.state.ip),
    });
  }

  return router;
}

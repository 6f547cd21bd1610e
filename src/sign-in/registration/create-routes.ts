import { byVisitor } from '#audit/module.ts';
import type { Router } from '#kernel/http/router.ts';
import {
  type Interaction,
  type InteractionService,
  type ProviderButtons,
  StepRouter,
} from '#sign-in/interaction/module.ts';
import { type FieldRules, methods, unavailableWhenBusy } from '#credentials/module.ts';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import type { BrowserCookie } from '#kernel/http/cookies.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { detailsOf, shownFields } from '#directory/users/module.ts';
import { instance } from '#settings/module.ts';
import type { Admission, Admitted } from './admission.ts';
import type { Applications } from './applications.ts';
import { type Asked, createForm } from './create-form.ts';
import { type CreatePage, createView, noErrors } from './create-view.ts';
import type { InvitationService } from './invitation-service.ts';
import { type StopPage, stopView } from './link-view.ts';
import type { Asker, Newcomer } from './new-accounts.ts';
import type { Method } from './pending-registration.ts';
import type { RegistrationService } from './registration-service.ts';

export type CreateDependencies = {
  interactions: Pick<
    InteractionService,
    'find' | 'require' | 'open' | 'takesNewAccount' | 'recordIdentifier' | 'recordWish' | 'recordProofIn' | 'proceed'
  >;
  registration: RegistrationService;
  invitations: InvitationService;
  admission: Admission;
  /** The link of the invitation that this browser was handed. */
  invitationCookie: BrowserCookie;
  rules: () => FieldRules;
  /** Of a form that is refused anyway, so that everything is said at once. */
  passwordProblem: Applications['problemOf'];
  /** The buttons of upstream providers. */
  buttons(ctx: Context, interaction: Interaction): ProviderButtons;
  /** The challenge that a browser solves before a form is read, during an attack. */
  work: {
    challenge(ip: string): Promise<string | null>;
    check(ip: string, answer: string | undefined): Promise<'passed' | 'missing'>;
  };
};

type Form = Extract<Admitted, { kind: 'form' }> & Asked;
type Answers = Readonly<Record<string, unknown>> & { email: string; password: string; method: Method };
/** The result of a valid form. */
type Applied = { kind: 'sent' | 'expired' | 'taken' } | { kind: 'created' };

type Wrong = {
  /** Of the fields about the user. */
  fields?: { errors: Readonly<Record<string, string | undefined>> };
  errors?: Partial<CreatePage['errors']>;
  problem?: CreatePage['problem'];
};

const createPage = formPage<
  Required<Wrong> & {
    /** As they stood in their fields. */
    values: Readonly<Record<string, string | undefined>>;
  }
>();

/** The requester of a registration, with browser, client and language. */
export const askerOf = (ctx: Context, { question }: Interaction): Asker => ({
  by: byVisitor(visitorOf(ctx), question.client.id),
  language: ctx.state.language,
});

/** The user whose account is made here has thereby proved the address. */
export const newcomerOf = (
  ctx: Context,
  interaction: Interaction,
  interactions: Pick<InteractionService, 'recordProofIn'>,
): Newcomer => ({
  ...askerOf(ctx, interaction),
  record: (em, userId) =>
    interactions.recordProofIn(em, interaction, { userId, proof: { factor: 'email', amr: methods.email.amr } }),
});

const statuses = {
  elsewhere: 200,
  taken: 200,
  expired: 410,
  invitation_over: 410,
  closed: 403,
  invitation: 403,
} as const;

/** A page that says why nothing is created, and what can be done instead. */
export function showStop(ctx: Context, reason: StopPage['reason'], nextUrl: string | null): void {
  show(ctx, statuses[reason], stopView, { reason, nextUrl });
}

/** Routes of the registration pages: form, code, link. */
export function createRoutes(dependencies: CreateDependencies): Router<State> {
  const {
    interactions,
    registration,
    invitations,
    admission,
    invitationCookie,
    rules,
    passwordProblem,
    buttons,
    work,
  } = dependencies;
  const router = new StepRouter();

  router.page('create', showOwnCreate);
  router.post('/interaction/:uid/create', createAccount);

  async function showOwnCreate(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    const asked = interaction && (await admit(ctx, interaction));
    if (interaction === null || asked === null) return;
    return showCreate(ctx, interaction, asked);
  }

  async function createAccount(ctx: Context): Promise<void> {
    const interaction = await interactions.open(ctx, 'create');
    const asked = interaction && (await admit(ctx, interaction));
    if (interaction === null || asked === null) return;
    const form = await createForm(asked).read(ctx);
    const values = Object.fromEntries(Object.entries(form.values).map(([name, value]) => [name, shownAgain(value)]));
    const refuse = (wrong: Wrong) => createPage.refuse(ctx, pageOf(interaction, asked), { values, ...wrong });
    const wrong = await wrongIn(ctx, asked, form, values);
    if (!form.isValid || wrong !== null) return refuse(wrong ?? {});
    const { work: answer } = form.values;
    if ((await work.check(ctx.state.ip, answer)) === 'missing') return refuse({ problem: { kind: 'work' } });
    const email = asked.invitation?.email ?? form.values.email;
    // The same with and without an account: the organization of the domain makes it, at the first sign-in by its connection.
    if (!(await interactions.takesNewAccount(email)))
      return interactions.proceed(ctx, await interactions.recordIdentifier(interaction, email));
    const outcome = await apply(ctx, interaction, asked, form.values);
    if (outcome.kind === 'refused') return refuse({ errors: { password: outcome.problem } });
    if (outcome.kind === 'unavailable' || outcome.kind === 'throttled') return refuse({ problem: outcome });
    return goOn(ctx, interaction, outcome);
  }

  /** Everything at once; null where the fields by themselves are right. */
  async function wrongIn(
    ctx: Context,
    { method, invitation }: Form,
    form: Awaited<ReturnType<ReturnType<typeof createForm>['read']>>,
    values: Readonly<Record<string, string | undefined>>,
  ): Promise<Wrong | null> {
    const password = form.isValid ? form.values.password : form.secret('password');
    const isAsked = (values['method'] ?? method) === 'password';
    if (form.isValid && !(isAsked && password === '')) return null;
    const about = { ...values, email: invitation?.email ?? values['email'] };
    const problem = isAsked ? await passwordProblem(password, about, ctx.state.ip) : null;
    const errors = form.isValid ? {} : form.errors;
    return { fields: { errors }, errors: errorsOf(errors, problem) };
  }

  function apply(ctx: Context, interaction: Interaction, { fields, invitation }: Form, values: Answers) {
    const { email, password, method } = values;
    const wish = {
      ...detailsOf(fields, values),
      method,
      termsVersion: admission.termsVersion(instance),
      password: method === 'password' ? password : null,
    };
    const newcomer = newcomerOf(ctx, interaction, interactions);
    const applied =
      invitation === null
        ? registration.begin(interaction.uid, { ...wish, email }, newcomer)
        : invitations.accept(interaction.uid, invitation.link, wish, newcomer);
    return applied.catch(unavailableWhenBusy);
  }

  /** On to proving the address, or into the account, or to a page that says why there is none. */
  async function goOn(ctx: Context, interaction: Interaction, outcome: Applied): Promise<void> {
    switch (outcome.kind) {
      case 'sent':
        await interactions.recordWish(interaction, 'account');
        return seeOther(ctx, `${interaction.path}/create/check`);
      case 'created':
        invitationCookie.clear(ctx);
        return interactions.proceed(ctx, await interactions.require(ctx));
      case 'expired':
      case 'taken':
        invitationCookie.clear(ctx);
        return showStop(ctx, outcome.kind, `${interaction.path}/${outcome.kind === 'taken' ? 'login' : 'create'}`);
      default:
        return unreachable(outcome);
    }
  }

  /** The fields of the form, or null: then the response is written. */
  async function admit(ctx: Context, interaction: Interaction): Promise<Form | null> {
    const isLeft = ctx.query['without'] !== undefined;
    if (isLeft) invitationCookie.clear(ctx);
    const admitted = await admission.decide(isLeft ? undefined : invitationCookie.read(ctx));
    switch (admitted.kind) {
      case 'form':
        return { ...admitted, ...askedOf(ctx, interaction, admitted) };
      case 'waitlist':
        seeOther(ctx, '/waitlist');
        return null;
      case 'invitation':
      case 'closed':
        showStop(ctx, admitted.kind, `${interaction.path}/login`);
        return null;
      default:
        return unreachable(admitted);
    }
  }

  function askedOf(
    ctx: Context,
    { upstream }: Interaction,
    { invitation, domains }: Extract<Admitted, { kind: 'form' }>,
  ): Asked {
    // A user who comes from a provider signs in there: a code proves the address, and no password is asked for.
    const offered = upstream === null ? admission.methods() : ([methods.email.registration] as const);
    // A password needs its field, so it is chosen by an address and not by a button.
    const method: Method = ctx.query['method'] === 'password' && offered.includes('password') ? 'password' : offered[0];
    return {
      fields: admission.fields(),
      method,
      otherMethods: offered.filter((other) => other !== method && other !== 'password'),
      isInvited: invitation !== null,
      domains,
      asksForTerms: admission.termsVersion(instance) !== null,
    };
  }

  /** A password needs its field: where it is chosen instead of the first method, the address says so. */
  function pageOf({ path }: Interaction, { method }: Asked): string {
    return `${path}/create${method === admission.methods()[0] ? '' : `?method=${method}`}`;
  }

  async function showCreate(ctx: Context, interaction: Interaction, asked: Form): Promise<void> {
    const { uid, path, question, upstream } = interaction;
    const { values: typed = {}, fields, errors = {}, problem = null } = createPage.refused(ctx);
    const { invitation, method, otherMethods, domains, asksForTerms } = asked;
    const known = (await registration.findAddress(uid)) ?? interaction.typed ?? upstream?.email ?? question.loginHint;
    const challenge = await work.challenge(ctx.state.ip);
    const { language } = ctx.state;
    show(ctx, 200, createView, {
      action: pageOf(interaction, asked),
      client: { name: question.client.name },
      email: invitation?.email ?? typed['email'] ?? known,
      isInvited: invitation !== null,
      otherUrl: invitation === null ? null : `${path}/create?without`,
      domains: domains ?? [],
      fields: shownFields(asked.fields, {
        language,
        values: { ...upstream?.profile, ...typed },
        errors: fields?.errors ?? {},
      }),
      method,
      otherMethods,
      passwordUrl:
        upstream === null && method !== 'password' && admission.methods().includes('password')
          ? `${path}/create?method=password`
          : null,
      insteadUrl: invitation === null && admission.takesUsernames ? `${path}/create/username` : null,
      rules: rules(),
      waitingProvider: upstream?.connection.name ?? null,
      buttons: upstream === null ? buttons(ctx, interaction) : { ...buttons(ctx, interaction), providers: [] },
      asksForTerms,
      hasAgreed: typed['terms'] !== undefined,
      signInUrl: `${path}/login`,
      errors: { ...noErrors, ...errors },
      problem,
      challenge,
    });
  }

  return router;
}

/** As it stood in its field: a form that was read already holds values, not what was typed. */
export function shownAgain(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? '1' : '';
  return typeof value === 'number' ? String(value) : (value as string | undefined);
}

/** The errors of the fields that every registration form has. */
export function errorsOf(
  { email, password, terms }: Readonly<Record<string, string | undefined>>,
  problem: CreatePage['errors']['password'],
): CreatePage['errors'] {
  return {
    email: (email ?? null) as CreatePage['errors']['email'],
    password: password === undefined ? problem : { kind: 'too_long' },
    terms: terms === undefined ? null : 'required',
  };
}

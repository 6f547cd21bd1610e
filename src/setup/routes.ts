import { operator } from '#audit/module.ts';
import { LONGEST_PASSWORD_FIELD } from '#credentials/module.ts';
import { Router } from '#kernel/http/router.ts';
import { z } from 'zod';
import { unreachable } from '#kernel/errors.ts';
import { type Context, type State, visitorOf } from '#kernel/http/context.ts';
import { form } from '#kernel/http/form.ts';
import type { MailedLink } from '#kernel/http/mailed-link.ts';
import { formPage } from '#kernel/http/refusal.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import { newEmailField, oneLine } from '#directory/users/module.ts';
import { adminEndView, type AdminPage, adminView } from './admin-view.ts';
import type { SetupService } from './setup-service.ts';

const adminForm = form(
  z.object({
    name: z.string().overwrite(oneLine).max(128, 'too_long').default(''),
    email: newEmailField,
    password: z.string().min(1, 'required').max(LONGEST_PASSWORD_FIELD, 'too_long'),
    password_again: z.string().default(''),
  }),
);

const adminPage = formPage<Pick<AdminPage, 'name' | 'email' | 'errors'>>();
const noErrors: AdminPage['errors'] = { name: null, email: null, password: null, passwordAgain: null };

const PAGE = '/setup/:link';

/** Routes of the one-time link (`/setup`): form, creation of the administrator, confirmation. */
export function setupRoutes({
  setup,
  link,
  startUrl,
}: {
  setup: SetupService;
  link: MailedLink;
  startUrl: string;
}): Router<State> {
  const router = new Router<State>();

  router.get('/setup/done', showDone);
  router.get(PAGE, showForm);
  router.post(PAGE, createAdministrator);

  function showDone(ctx: Context): void {
    show(ctx, 200, adminEndView, { outcome: 'done', nextUrl: startUrl });
  }

  async function createAdministrator(ctx: Context): Promise<void> {
    const secret = link.read(ctx);
    if (!(await setup.isUsable(secret))) return showEnd(ctx);
    const form = await adminForm.read(ctx);
    const errors = await wrongIn(form);
    if (!form.isValid || errors !== null) return refuse(ctx, form.values, errors ?? {});
    const { values } = form;
    const outcome = await setup.createAdministrator(secret, values, { ...operator, visitor: visitorOf(ctx) });
    switch (outcome.kind) {
      case 'done':
        link.forget(ctx);
        return seeOther(ctx, '/setup/done');
      case 'expired':
        return showEnd(ctx);
      case 'weak':
        return refuse(ctx, values, { password: outcome.problem });
      case 'refused':
        return refuse(ctx, values, { [outcome.field]: outcome.reason });
      default:
        return unreachable(outcome);
    }
  }

  /** Everything at once; null where the fields by themselves are right. */
  async function wrongIn(
    form: Awaited<ReturnType<typeof adminForm.read>>,
  ): Promise<Partial<AdminPage['errors']> | null> {
    const { password, password_again: again } = form.isValid
      ? form.values
      : { password: form.secret('password'), password_again: form.secret('password_again') };
    if (form.isValid && password === again) return null;
    const errors = form.isValid ? {} : errorsOf(form.errors);
    const problem = errors.password ?? (await setup.passwordProblem(password, form.values));
    return { ...errors, password: problem, passwordAgain: password === again ? null : 'different' };
  }

  function refuse(
    ctx: Context,
    { name = '', email = '' }: { name?: string | undefined; email?: string | undefined },
    errors: Partial<AdminPage['errors']>,
  ): void {
    adminPage.refuse(ctx, ctx.path, { name, email, errors: { ...noErrors, ...errors } });
  }

  function showEnd(ctx: Context): void {
    show(ctx, 410, adminEndView, { outcome: 'expired', nextUrl: '/account' });
  }

  async function showForm(ctx: Context): Promise<void> {
    if (link.keep(ctx)) return;
    if (!(await setup.isUsable(link.read(ctx)))) return showEnd(ctx);
    const { name = '', email = '', errors = noErrors } = adminPage.refused(ctx);
    show(ctx, 200, adminView, {
      action: ctx.path,
      fields: {},
      name,
      email,
      errors,
      rules: setup.rules,
    });
  }

  return router;
}

function errorsOf({ name, email, password }: { name?: string; email?: string; password?: string }) {
  return {
    name: name ?? null,
    email: email ?? null,
    password: password === undefined ? null : { kind: password },
  } as Partial<AdminPage['errors']>;
}

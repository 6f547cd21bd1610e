import type { Router } from '#kernel/http/router.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { seeOther } from '#kernel/http/redirect.ts';
import { show } from '#kernel/views.ts';
import {
  type ChoosingInteraction,
  type Interaction,
  type InteractionService,
  type PasskeysHere,
  type RememberedAccounts,
  StepRouter,
} from '#sign-in/interaction/module.ts';
import { shownAccount, type UserId, type UserService } from '#directory/users/module.ts';
import { type ChooserPage, chooserView } from './chooser-view.ts';
import { chooserForm } from './login-form.ts';

export type ChooserDependencies = {
  interactions: Pick<
    InteractionService,
    'require' | 'choosing' | 'recordIdentifier' | 'recordChoice' | 'recordAccount' | 'proceed'
  >;
  remembered: Pick<RememberedAccounts, 'list' | 'forget'>;
  passkeysHere: Pick<PasskeysHere, 'forget'>;
  users: Pick<UserService, 'findById'>;
};

const ANOTHER_ACCOUNT = 'another';

/** Routes of the account chooser, and the form by which a browser forgets an account. */
export function chooserRoutes({ interactions, remembered, passkeysHere, users }: ChooserDependencies): Router<State> {
  const router = new StepRouter();

  router.page('account', showChooser);
  router.post('/interaction/:uid/account', chooseAccount);
  router.post('/interaction/:uid/account/forget', forgetAccount);

  async function showChooser(ctx: Context): Promise<void> {
    const interaction = await interactions.choosing(ctx);
    if (interaction === null) return;
    const { client } = interaction.question;
    show(ctx, 200, chooserView, {
      action: `${interaction.path}/account`,
      forgetAction: `${interaction.path}/account/forget`,
      client: { name: client.name },
      accounts: await accountsOf(interaction),
      signOutUrl: interaction.session === null ? null : '/oidc/logout',
    });
  }

  async function accountsOf({ session, accounts }: ChoosingInteraction): Promise<ChooserPage['accounts']> {
    const user = session === null ? null : await users.findById(session);
    const own = user === null ? [] : [{ id: user.id, ...shownAccount(user), way: null }];
    return [...own, ...accounts];
  }

  async function chooseAccount(ctx: Context): Promise<void> {
    const interaction = await interactions.choosing(ctx);
    if (interaction === null) return;
    const form = await chooserForm.read(ctx);
    const chosen = form.isValid ? form.values.account : null;
    const account = interaction.accounts.find(({ id }) => id === chosen);
    if (account !== undefined) return interactions.proceed(ctx, await interactions.recordAccount(interaction, account));
    if (chosen === ANOTHER_ACCOUNT || (chosen !== null && chosen === interaction.session))
      return interactions.proceed(ctx, await choose(interaction, chosen));
    return seeOther(ctx, interaction.path);
  }

  function choose(interaction: Interaction, chosen: UserId | typeof ANOTHER_ACCOUNT): Promise<Interaction> {
    return interactions.recordChoice(interaction, chosen === ANOTHER_ACCOUNT ? 'another' : 'session');
  }

  /** Only this browser forgets the account. A sign-in that had begun with it asks for an address again. */
  async function forgetAccount(ctx: Context): Promise<void> {
    const interaction = await interactions.require(ctx);
    const form = await chooserForm.read(ctx);
    if (!form.isValid) return seeOther(ctx, interaction.path);
    const account = remembered.list(ctx).find(({ id }) => id === form.values.account);
    if (account !== undefined) passkeysHere.forget(ctx, { email: account.identifier, username: null });
    remembered.forget(ctx, form.values.account);
    const { remembered: current, typed, facts } = interaction;
    const hasBegun = current?.id === form.values.account && typed !== null && facts.userId === null;
    if (hasBegun) await interactions.recordIdentifier(interaction, null);
    return seeOther(ctx, interaction.path);
  }

  return router;
}

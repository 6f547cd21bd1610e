/** The steps of a sign-in and the pages around it. */
import { createConsent } from '#consent/module.ts';
import { createContacts } from '#contacts/module.ts';
import { visitorOf } from '#kernel/http/context.ts';
import { addressLimit, createLogin } from '#login/module.ts';
import { createMfa } from '#mfa/module.ts';
import { createPasskey } from '#passkey/module.ts';
import { createPasswordless } from '#passwordless/module.ts';
import { createRecovery } from '#recovery/module.ts';
import { createSetup } from '#setup/module.ts';
import { createVerification } from '#verification/module.ts';
import { createOwnAccount } from './app-account.ts';
import { createComingIn } from './app-coming-in.ts';
import type { Kernel } from './app-kernel.ts';
import type { Nouns } from './app-nouns.ts';
import type { Provider } from './app-provider.ts';
import { createSignIn } from './app-sign-in.ts';

export type Steps = ReturnType<typeof createSteps>;

export function createSteps(kernel: Kernel, nouns: Nouns, provider: Provider) {
  const { consents, oidc } = provider;
  const { config, clock, database, throttle, metrics } = kernel;
  const { audit, policies, look, texts, users, contacts, clients, credentials, access } = nouns;
  const signIn = createSignIn(kernel, nouns, provider, {
    standing: (ctx, userId, interaction) =>
      Promise.all([
        passkey.standing(ctx, userId, interaction),
        mfa.standing(ctx, userId, interaction),
        verification.standing(userId),
        recovery.standing(userId),
        comingIn.registration.standing(userId, interaction),
      ]),
    async signedIn(ctx, end) {
      await mfa.signedIn(end);
      await account.closing.reopen(end.userId, visitorOf(ctx));
    },
    sendReset: (em, user, visitor) => recovery.sendAfterLock(em, user, visitor),
  });
  const { interactions, risk, deviceCookie } = signIn;
  const account = createOwnAccount(kernel, nouns, provider, { ...risk, deviceCookie });
  const login = createLogin({
    clock,
    users,
    ...credentials,
    interactions,
    addressLimit: addressLimit(throttle, policies),
    failed: (trial) => risk.pressure.noteFailure(trial),
    work: risk.work,
    deviceCookie,
    createUrl: (ctx, interaction) => comingIn.registration.createUrl(ctx, interaction),
    audit,
    ...(metrics ? { counted: metrics.countSignIn } : {}),
  });
  const passkey = createPasskey({
    ...kernel,
    ...credentials,
    users,
    interactions,
    addressLimit: addressLimit(throttle, policies),
    policies,
    factorAdded: (added, by) => mfa.enrolled(added, by),
    audit,
    ...(metrics ? { counted: metrics.countSignIn } : {}),
  });
  const mfa = createMfa({
    ...kernel,
    ...credentials,
    users,
    audit,
    letters: look.letters,
    texts,
    interactions,
    deviceCookie,
    hasPasskeys: () => credentials.passkeys.relyingParty !== null,
    isDemandedElsewhere: async () => false,
    policies,
  });
  const verification = createVerification({
    ...kernel,
    ...credentials,
    users,
    contacts,
    policies,
    letters: look.letters,
    texts,
    audit,
    interactions,
    access,
    sendReset: (em, user, visitor) => recovery.sendAfterLock(em, user, visitor),
  });
  const recovery = createRecovery({
    ...kernel,
    ...credentials,
    users,
    people: nouns.people,
    passwordDemands: nouns.passwordDemands,
    letters: look.letters,
    audit,
    interactions,
    work: risk.work,
    deviceCookie,
    isMailEnough: () => interactions.isOpen('email-code'),
    access,
    startUrl: config.embedded ? '/' : null,
  });
  const comingIn = createComingIn(kernel, nouns, provider, interactions, risk.work);
  const contactPages = createContacts({
    config,
    ...verification,
    ownPages: provider.ownPages,
    database,
    contacts,
    texts,
    audit,
    deviceCookie,
  });
  const passwordless = createPasswordless({
    ...kernel,
    ...credentials,
    people: nouns.people,
    letters: look.letters,
    texts,
    audit,
    interactions,
    deviceCookie,
    policies,
    failed: (trial) => risk.pressure.noteFailure(trial),
    ...(metrics ? { counted: metrics.countSignIn } : {}),
  });
  const consent = createConsent({
    interactions,
    engine: oidc.interactions,
    consents,
    users,
    apis: clients.apiLookup,
  });
  const setup = createSetup({
    config,
    clock,
    database,
    users,
    roleHolders: nouns.roleHolders,
    passwords: credentials.passwords,
    startUrl: config.embedded ? '/' : null,
  });
  return {
    goOnWhenSentTwice: signIn.goOnWhenSentTwice,
    setup: setup.setup,
    risk,
    comingIn,
    account,
    routes: [
      ...signIn.routes,
      login.routes,
      ...passkey.routes,
      ...mfa.routes,
      ...verification.routes,
      ...contactPages.routes,
      ...recovery.routes,
      ...passwordless.routes,
      ...comingIn.routes,
      consent.routes,
      setup.routes,
      ...account.routes,
    ],
  };
}

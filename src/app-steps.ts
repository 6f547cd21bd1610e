/** The steps of a sign-in and the pages around it. */
import { createConsent } from '#consent/module.ts';
import { createInteraction } from '#interaction/module.ts';
import { addressLimit, createLogin } from '#login/module.ts';
import { createSetup } from '#setup/module.ts';
import type { Kernel } from './app-kernel.ts';
import type { Nouns } from './app-nouns.ts';
import type { Provider } from './app-provider.ts';

export type Steps = ReturnType<typeof createSteps>;

export function createSteps(kernel: Kernel, nouns: Nouns, { consents, oidc }: Provider) {
  const { config, clock, database, throttle, metrics } = kernel;
  const { audit, settings, users, clients, credentials } = nouns;
  const interaction = createInteraction({
    clock,
    database,
    engine: oidc.interactions,
    users,
    standing: async () => [],
    signedIn: async ({ state }, { userId, level, amr, interaction: { question } }) => {
      await audit.note({
        type: 'user.signed_in',
        actor: { type: 'user', id: userId },
        subject: { type: 'user', id: userId },
        clientId: question.client.id,
        visitor: { ip: state.ip, userAgent: state.userAgent, requestId: state.requestId },
        details: { level, amr },
      });
    },
  });
  const login = createLogin({
    config,
    clock,
    users,
    ...credentials,
    interactions: interaction.interactions,
    addressLimit: addressLimit(throttle, () => settings.policy('limits').passwordFailuresPerAddress),
    audit,
    ...(metrics ? { counted: metrics.countSignIn } : {}),
  });
  const consent = createConsent({
    interactions: interaction.interactions,
    engine: oidc.interactions,
    consents,
    users,
    apis: clients.apiLookup,
  });
  const setup = createSetup({
    clock,
    database,
    users,
    passwords: credentials.passwords,
    minimumLength: () => settings.policy('password').minimumLength,
    startUrl: config.embedded ? '/' : null,
  });
  return {
    progress: interaction.progress,
    setup: setup.setup,
    routes: [interaction.routes, login.routes, consent.routes, setup.routes],
  };
}

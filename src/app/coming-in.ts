/** How people come in: creating an account, being invited, waiting for it. */
import type { ProofOfWork } from '#risk/module.ts';
import { AppError } from '#kernel/errors.ts';
import { createRegistration } from '#registration/module.ts';
import { createWaitlist } from '#waitlist/module.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';
import type { Provider } from './provider.ts';

export function createComingIn(
  kernel: Kernel,
  { audit, policies, look, users, profileCompletion, credentials, access }: Nouns,
  { oidc, ownPages }: Provider,
  work: ProofOfWork,
) {
  const registration = createRegistration({
    ...kernel,
    ...credentials,
    policies,
    access,
    users,
    profileCompletion,
    audit,
    letters: look.letters,
    work,
    registered: async (em, emailCanonical) => void (await waitlist.waitlist.leave(em, emailCanonical)),
    refuse: (ctx, description) => oidc.interactions.finishRefused(ctx, 'access_denied', description),
    startRegistration: (ctx) => ownPages.createAccount(ctx),
  });
  const waitlist = createWaitlist({
    ...kernel,
    ...credentials,
    users,
    audit,
    letters: look.letters,
    work,
    policies,
    take: (ip) => registration.applications.take(ip),
    invite: (invitation, by) => registration.invitations.invite(invitation, by),
    isRefusal: (error) => error instanceof AppError && /^registration\.invitation_(refused|invalid)$/.test(error.code),
  });
  return {
    registration,
    routes: [waitlist.routes],
    commands: { ...registration.commands, ...waitlist.commands },
    purge: (batch: number) => registration.pending.purge(batch),
  };
}

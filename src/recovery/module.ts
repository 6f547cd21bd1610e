/**
 * recovery: a new password in place of one that is forgotten, or that an operator wants replaced.
 *
 * Owns    views/recovery, the link in the mail, the step that demands a new password, the mail that says it changed.
 * Leaves  what a password must be to credentials, ending sessions to sessions, what comes next to interaction/next-step.
 * URLs    /interaction/:uid/forgot and below, /interaction/:uid/new-password, /recovery and below.
 */
import type { Router } from '#kernel/http/router.ts';
import type { StandingPart } from '#interaction/module.ts';
import { MINUTE } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { PasswordDemands, UserId } from '#users/module.ts';
import { demandRoutes, type DemandRouteDependencies } from './demand-routes.ts';
import { type NewPasswordDependencies, NewPasswords } from './new-passwords.ts';
import { type RecoveryDependencies, RecoveryService } from './recovery-service.ts';
import { resetRoutes, type ResetRouteDependencies } from './reset-routes.ts';
import { forgotRoutes, type RouteDependencies } from './routes.ts';

export type Dependencies = { config: Pick<Config, 'issuerUrl'>; passwordDemands: PasswordDemands } & Omit<
  RecoveryDependencies,
  'origin' | 'newPasswords'
> &
  Omit<NewPasswordDependencies, 'origin' | 'demands'> &
  Omit<ResetRouteDependencies, 'recovery' | 'resetLink' | 'originCookie'> &
  Omit<DemandRouteDependencies, 'newPasswords'> &
  Omit<RouteDependencies, 'recovery' | 'originCookie'>;

export type Recovery = {
  routes: readonly Router<State>[];
  standing(userId: UserId): Promise<StandingPart>;
  /** Mails the link after somebody locked their account. */
  sendAfterLock: RecoveryService['sendAfterLock'];
  /** Tells the owner, in the transaction, that their password is another one. */
  tellOwner: NewPasswords['tellOwner'];
};

export function createRecovery(given: Dependencies): Recovery {
  const { config, passwordDemands } = given;
  const { origin } = config.issuerUrl;
  const newPasswords = new NewPasswords({ ...given, origin, demands: passwordDemands });
  const recovery = new RecoveryService({ ...given, origin, newPasswords });
  const resetLink = mailedLink(config.issuerUrl, 'reset');
  const originCookie = browserCookie(config.issuerUrl, 'recovering', { maxAge: 15 * MINUTE });
  return {
    routes: [
      forgotRoutes({ ...given, recovery, originCookie }),
      resetRoutes({ ...given, recovery, resetLink, originCookie }),
      demandRoutes({ ...given, newPasswords }),
    ],
    standing: async (userId) => ((await passwordDemands.isDemanded(userId)) ? { tasks: ['new-password'] } : {}),
    sendAfterLock: (em, user, visitor) => recovery.sendAfterLock(em, user, visitor),
    tellOwner: (em, user, by) => newPasswords.tellOwner(em, user, by),
  };
}

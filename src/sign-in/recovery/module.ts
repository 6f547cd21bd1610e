/**
 * recovery: reset of a forgotten password, and a new password that the operator requires.
 *
 * Owns    views/sign-in/recovery, the link in the mail, the step that demands a new password, the mail that says it changed.
 * Leaves  the password policy to credentials, the effects of a new password to oidc, the next step to interaction/next-step.
 * URLs    /interaction/:uid/forgot and below, /interaction/:uid/new-password, /recovery and below.
 */
import { SIGN_IN_OPEN_FOR, type SignInStep } from '#sign-in/interaction/module.ts';
import { type NewPasswordDependencies, NewPasswords } from '#credentials/module.ts';
import type { Config } from '#kernel/config.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { OwnerNoticeDependencies, PasswordDemands } from '#directory/users/module.ts';
import { demandRoutes, type DemandRouteDependencies } from './demand-routes.ts';
import { type TellPasswordChanged, tellPasswordChanged } from './owner-letter.ts';
import { recoveryRequirements } from './recovery-requirements.ts';
import { type RecoveryDependencies, RecoveryService } from './recovery-service.ts';
import { resetRoutes, type ResetRouteDependencies } from './reset-routes.ts';
import { forgotRoutes, type RouteDependencies } from './routes.ts';
import { type Mount, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = {
  config: Pick<Config, 'issuer' | 'issuerUrl'>;
  passwordDemands: PasswordDemands;
  describeAct: OwnerNoticeDependencies['describeAct'];
} & Omit<RecoveryDependencies, 'issuer' | 'newPasswords'> &
  Omit<NewPasswordDependencies<'reset' | 'demanded'>, 'demands' | 'tellOwner'> &
  Omit<ResetRouteDependencies, 'recovery' | 'resetLink' | 'originCookie'> &
  Omit<DemandRouteDependencies, 'interactions' | 'recovery'> &
  Omit<RouteDependencies, 'interactions' | 'recovery' | 'originCookie'>;

type Recovery = SignInStep & {
  /** Mails the link after a user locked the account. */
  sendAfterLock: RecoveryService['sendAfterLock'];
  tellPasswordChanged: TellPasswordChanged;
  /** Mails the link for an operator. */
  sendByOperator: RecoveryService['sendByOperator'];
};

/** Creates the password recovery by mail, inside and outside of a sign-in. */
export function createRecovery(given: Dependencies): Recovery {
  const { config, passwordDemands } = given;
  const { issuer } = config;
  const { letters, describeAct, passwords, accessRevocation, audit } = given;
  const tellChanged = tellPasswordChanged({ issuer, letters, describeAct });
  const newPasswords = new NewPasswords<'reset' | 'demanded'>({
    passwords,
    accessRevocation,
    audit,
    demands: passwordDemands,
    tellOwner: (em, user, _act, about) => tellChanged(em, user, about),
  });
  const recovery = new RecoveryService({ ...given, issuer, newPasswords });
  const resetLink = mailedLink(config.issuerUrl, 'reset');
  const originCookie = browserCookie(config.issuerUrl, 'recovering', { maxAge: SIGN_IN_OPEN_FOR });
  return {
    name: 'recovery',
    requirements: recoveryRequirements,
    routes: (interactions) => [
      forgotRoutes({ ...given, interactions, recovery, originCookie }),
      resetRoutes({ ...given, recovery, resetLink, originCookie }),
      demandRoutes({ ...given, interactions, recovery }),
    ],
    sendAfterLock: (em, user, by) => recovery.sendAfterLock(em, user, by),
    tellPasswordChanged: tellChanged,
    sendByOperator: (id, by) => recovery.sendByOperator(id, by),
  };
}

/** In addition to the pages below /interaction. */
export const recoveryMounts: readonly Mount[] = [
  { path: '/recovery', audience: 'page', methods: READ_AND_SEND },
  { path: '/recovery/*', audience: 'page', methods: READ_AND_SEND, getActs: true },
];

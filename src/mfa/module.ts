/**
 * mfa: proving it a second time.
 *
 * Owns    views/mfa, the pages of second factors, of adding one and of recovery codes; who must have one (the table
 *         second_factor_request keeps since when); the command that takes them away.
 * Leaves  checking codes to credentials, passkeys to passkeys, what comes next to interaction/next-step.
 * URLs    /interaction/:uid/{second-factor,enrol-factor} and below, but for passkeys; /interaction/:uid/recovery-codes.
 */
import type { Router } from '#kernel/http/router.ts';
import type { RecoveryCodes, TrustedDevices } from '#credentials/module.ts';
import type { Interaction, SignInEnd, StandingPart } from '#interaction/module.ts';
import { DAY } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { Database } from '#kernel/database.ts';
import type { Context, State } from '#kernel/http/context.ts';
import { browserCookie } from '#kernel/http/cookies.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import type { UserId, UserService } from '#users/module.ts';
import { enrolmentRoutes, type EnrolmentRouteDependencies } from './enrolment-routes.ts';
import { type EnrolmentDependencies, EnrolmentService } from './enrolment-service.ts';
import { recoveryCodeRoutes, type RecoveryCodeRouteDependencies } from './recovery-code-routes.ts';
import { type RouteDependencies, secondFactorRoutes } from './routes.ts';
import { SecondFactorRequests } from './second-factor-requests.ts';
import { type SecondFactorDependencies, SecondFactorService } from './second-factor-service.ts';
import { type StandingDependencies, StandingService } from './standing-service.ts';

export type Dependencies = Omit<RouteDependencies, 'secondFactors' | 'trustCookie'> &
  Omit<EnrolmentRouteDependencies, 'enrolments'> &
  Omit<EnrolmentDependencies, 'requests'> &
  Omit<StandingDependencies, 'requests'> &
  RecoveryCodeRouteDependencies &
  SecondFactorDependencies & {
    config: Pick<Config, 'issuerUrl'>;
    database: Database;
    recoveryCodes: RecoveryCodes;
    trustedDevices: TrustedDevices;
    texts: Texts;
    users: UserService;
  };

/** The longest that a browser may be trusted: the row knows when it ends. */
const LONGEST_TRUST = 30 * DAY;

export function createMfa(dependencies: Dependencies) {
  const { config, clock, database, interactions } = dependencies;
  const trustCookie = browserCookie(config.issuerUrl, 'trusted', { maxAge: LONGEST_TRUST });
  const requests = new SecondFactorRequests(clock, database);
  const secondFactors = new SecondFactorService(dependencies);
  const enrolments = new EnrolmentService({ ...dependencies, requests });
  const standings = new StandingService({ ...dependencies, requests });
  const routes: readonly Router<State>[] = [
    secondFactorRoutes({ ...dependencies, secondFactors, trustCookie }),
    enrolmentRoutes({ ...dependencies, enrolments }),
    recoveryCodeRoutes({ ...dependencies, interactions }),
  ];
  return {
    routes,
    enrolled: enrolments.enrolled.bind(enrolments),
    /** What is known of the second step of somebody who has proved something. */
    standing: (ctx: Context, userId: UserId, interaction: Interaction): Promise<StandingPart> =>
      standings.find(userId, interaction, { trustSecret: trustCookie.read(ctx), ip: ctx.state.ip }),
    signedIn: async ({ userId, level }: SignInEnd): Promise<void> => {
      if (level >= 2) await requests.settle(userId);
    },
  };
}

export { SecondFactorRequest } from './second-factor-request.ts';

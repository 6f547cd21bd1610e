/**
 * mfa: second factors in a sign-in.
 *
 * Owns    views/sign-in/mfa, the pages of second factors, of adding one and of recovery codes; enforcement; the command that removes
 *         them.
 * Leaves  code checks and the days of grace to credentials, passkeys to passkey, the next step to interaction/next-step.
 * URLs    /interaction/:uid/{second-factor,enrol-factor} and below, but for passkeys; /interaction/:uid/recovery-codes.
 */
import type { SecondFactorRequests, TrustedDevices } from '#credentials/module.ts';
import type { SignInStep } from '#sign-in/interaction/module.ts';
import { enrolmentRoutes, type EnrolmentRouteDependencies } from './enrolment-routes.ts';
import { type EnrolmentDependencies, EnrolmentService } from './enrolment-service.ts';
import { recoveryCodeRoutes, type RecoveryCodeRouteDependencies } from './recovery-code-routes.ts';
import { type RouteDependencies, secondFactorRoutes } from './routes.ts';
import { mfaRequirements } from './mfa-requirements.ts';
import { type SecondFactorDependencies, SecondFactorService } from './second-factor-service.ts';

export type Dependencies = Omit<RouteDependencies, 'interactions' | 'secondFactors'> &
  Omit<EnrolmentRouteDependencies, 'interactions' | 'enrolments'> &
  EnrolmentDependencies &
  Omit<RecoveryCodeRouteDependencies, 'interactions'> &
  SecondFactorDependencies & {
    secondFactorRequests: Pick<SecondFactorRequests, 'settle'>;
    trustedDevices: Pick<TrustedDevices, 'noteUse'>;
  };

type Mfa = SignInStep & { missingCodes: EnrolmentService['missingCodes'] };

/** Creates the sign-in step for second factors, and their reset by the operator. */
export function createMfa(dependencies: Dependencies): Mfa {
  const { secondFactorRequests, trustedDevices, trustCookie } = dependencies;
  const secondFactors = new SecondFactorService(dependencies);
  const enrolments = new EnrolmentService(dependencies);
  return {
    name: 'mfa',
    requirements: mfaRequirements,
    async signedIn(ctx, { userId, level, facts, requirements }) {
      if (level >= 2 && facts.held.resetAt !== null) await secondFactorRequests.settle(userId);
      const secret = trustCookie.read(ctx);
      if (requirements.isTrusted && secret !== undefined) await trustedDevices.noteUse(userId, secret, ctx.state);
    },
    routes: (interactions) => [
      secondFactorRoutes({ ...dependencies, interactions, secondFactors }),
      enrolmentRoutes({ ...dependencies, interactions, enrolments }),
      recoveryCodeRoutes({ ...dependencies, interactions }),
    ],
    missingCodes: enrolments.missingCodes.bind(enrolments),
  };
}

export { ResetService } from './reset-service.ts';

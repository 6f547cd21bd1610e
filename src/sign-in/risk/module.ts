/**
 * risk: comparison of a sign-in with earlier ones, and the rules for unusual ones.
 *
 * Owns    the tables sign_in_trace and proof_of_work; signals, rules and their decisions; proof of work under pressure; the
 *         mail about a new sign-in and its one link; the place of an address (optional local file).
 * Leaves  the second factor itself to mfa, the limits on tries to credentials and login.
 * URLs    /not-me, /not-me/confirm/:link, /not-me/done.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { visitorOf } from '#kernel/http/context.ts';
import { mailedLink } from '#kernel/http/mailed-link.ts';
import type { BrowserCookies, SignInStep } from '#sign-in/interaction/module.ts';
import type { Policies } from '#settings/module.ts';
import type { Throttle } from '#kernel/throttle.ts';
import { NotMeService, type NotMeDependencies } from './not-me-service.ts';
import { Pressure } from './pressure.ts';
import { ProofOfWork } from './proof-of-work.ts';
import { riskRequirements } from './risk-requirements.ts';
import { RiskService, type RiskDependencies } from './risk-service.ts';
import { notMeRoutes } from './routes.ts';
import { SignInTraces } from './sign-in-trace.ts';
import { type Mount, READ, READ_AND_SEND } from '#kernel/http/mounts.ts';

export type Dependencies = {
  clock: Clock;
  database: Database;
  keyRing: KeyRing;
  throttle: Throttle;
  policies: Policies<'risk' | 'limits'>;
  holdDevice: BrowserCookies['holdDevice'];
} & Omit<RiskDependencies, 'traces' | 'pressure'>;

/** Creates the risk service: comparison of sign-ins, proof of work, and the page "This was not me". */
export function createRisk(dependencies: Dependencies) {
  const { clock, database, keyRing, throttle, policies, holdDevice } = dependencies;
  const traces = new SignInTraces(clock, database);
  const pressure = new Pressure(throttle, policies);
  const work = new ProofOfWork(clock, database, keyRing, pressure);
  const risk = new RiskService({ ...dependencies, traces, pressure });
  const step: SignInStep = {
    name: 'risk',
    requirements: riskRequirements,
    ending(ctx, { userId }) {
      return risk.ending(userId, ctx.state, holdDevice(ctx));
    },
    async signedIn(ctx, { facts: { user, assessment } }) {
      await risk.signedIn(user, { visitor: visitorOf(ctx), language: ctx.state.language }, assessment);
    },
  };
  return {
    pressure,
    work,
    risk,
    step,
    async purge(batch: number): Promise<number> {
      return (await traces.purge(batch)) + (await work.purge(batch));
    },
  };
}

/** "This was not me": the link in the mail about a new sign-in, and what it does. */
export function createNotMe({ config, ...dependencies }: { config: Pick<Config, 'issuerUrl'> } & NotMeDependencies) {
  const notMe = new NotMeService(dependencies);
  return { notMe, routes: notMeRoutes({ notMe, link: mailedLink(config.issuerUrl, 'not-me') }) };
}

/** Where its pages are. */
export const riskMounts: readonly Mount[] = [
  { path: '/not-me', audience: 'page', methods: READ },
  { path: '/not-me/*', audience: 'page', methods: READ_AND_SEND },
];

export { openPlaces, type Places } from './geolocation.ts';
export type { ProofOfWork } from './proof-of-work.ts';
export { SignInTrace } from './sign-in-trace.ts';
export { UsedProofOfWork } from './proof-of-work.ts';

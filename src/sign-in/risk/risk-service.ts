import type { AuditLog, By } from '#audit/module.ts';
import type { KnownDevices } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { Database } from '#kernel/database.ts';
import { networkKey } from '#kernel/http/address.ts';
import type { Arrival } from '#sign-in/interaction/module.ts';
import type { Language } from '#kernel/i18n.ts';
import type { Policies } from '#settings/module.ts';
import {
  identifierOf,
  type OwnerNoticeDependencies,
  tellOwner,
  type User,
  type UserId,
} from '#directory/users/module.ts';
import { userSignedIn } from '#sign-in/interaction/events.ts';
import { assess, type Assessment, type Seen } from './assessment.ts';
import { newSignInLetter } from './new-sign-in-letter.ts';
import type { Places } from './geolocation.ts';
import type { Pressure } from './pressure.ts';
import type { SignInTraces } from './sign-in-trace.ts';
import { userSignInChallenged } from './events.ts';

export type RiskDependencies = OwnerNoticeDependencies & {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  knownDevices: Pick<KnownDevices, 'knowing' | 'remembering'>;
  audit: Pick<AuditLog, 'note'>;
  places: Places;
  traces: SignInTraces;
  pressure: Pick<Pressure, 'hasManyFailures'>;
  policies: Policies<'risk'>;
};

/** An assessment as it was kept meanwhile; null when none was made. */
type Decided = { actions: readonly string[] } | null;

/** Compares sign-ins with earlier ones of the same user and applies the rules of the policy. */
export class RiskService {
  readonly #deps: RiskDependencies;

  constructor(dependencies: RiskDependencies) {
    this.#deps = dependencies;
  }

  /** Compares a sign-in with those before it, once, and writes down what was decided when it asks for something. */
  async assess(
    user: Pick<User, 'id' | 'email' | 'username'>,
    { by, clientId, ip, deviceSecret }: Arrival,
  ): Promise<Assessment> {
    const { knownDevices, traces, pressure, audit, policies } = this.#deps;
    const { id: userId } = user;
    const [habits, hasManyFailures] = await Promise.all([
      traces.habits(userId, knownDevices.knowing(deviceSecret)),
      pressure.hasManyFailures(identifierOf(user)),
    ]);
    const facts = { now: this.#seen(ip), ...habits, hasManyFailures };
    const assessment = assess(facts, policies.for({ user: userId, client: clientId }).risk);
    if (assessment.actions.includes('second_factor'))
      await audit.note(
        userSignInChallenged({
          ...by,
          subject: { type: 'user', id: userId },
          details: assessment,
        }),
      );
    return assessment;
  }

  /** Writes the browser and the place at the end of a sign-in. */
  ending(userId: UserId, { ip, userAgent }: Pick<Arrival, 'ip' | 'userAgent'>, deviceSecret: string): readonly Part[] {
    const { knownDevices, traces } = this.#deps;
    return [traces.adding(userId, this.#seen(ip)), knownDevices.remembering(userId, deviceSecret, userAgent)];
  }

  /** Tells the owner when a rule says so. */
  async signedIn(
    user: Pick<User, 'id' | 'email' | 'profile'>,
    arrival: Pick<By, 'visitor'> & { language: Language },
    decided: Decided,
  ): Promise<void> {
    if (decided?.actions.includes('notify')) await this.#tellOwner(user, arrival);
  }

  async #tellOwner(
    user: Pick<User, 'id' | 'email' | 'profile'>,
    { visitor, language }: Pick<By, 'visitor'> & { language: Language },
  ): Promise<void> {
    const { email } = user;
    if (!email) return;
    await this.#deps.database.transaction((em) =>
      tellOwner(this.#deps, em, userSignedIn, {
        letter: newSignInLetter,
        kind: 'new_sign_in',
        owner: user,
        visitor,
        language,
        isSignIn: true,
        context: (act) => ({ ...act, email }),
      }),
    );
  }

  #seen(ip: string): Seen {
    const { country, coordinates } = this.#deps.places.find(ip);
    return { at: this.#deps.clock.now(), network: networkKey(ip), country, coordinates };
  }
}

import type { AuditLog } from '#audit/module.ts';
import type { KnownDevices, OneTimeSecrets } from '#credentials/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { Part } from '#kernel/postgres/one-statement.ts';
import type { Database } from '#kernel/database.ts';
import { networkKey } from '#kernel/http/address.ts';
import { deviceName } from '#kernel/http/device-name.ts';
import type { Arrival } from '#sign-in/interaction/module.ts';
import type { Letters } from '#kernel/mail/letters.ts';
import type { Policies } from '#settings/module.ts';
import { identifierOf, tellOwner, type User, type UserId } from '#directory/users/module.ts';
import { userSignedIn } from '#sign-in/interaction/events.ts';
import { assess, type Assessment, type Seen } from './assessment.ts';
import { newSignInLetter } from './new-sign-in-letter.ts';
import { placeName, type Places } from './geolocation.ts';
import type { Pressure } from './pressure.ts';
import type { SignInTraces } from './sign-in-trace.ts';
import { userSignInChallenged } from './events.ts';

export type RiskDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  config: Pick<Config, 'issuer'>;
  knownDevices: Pick<KnownDevices, 'knowing' | 'remembering'>;
  oneTimeSecrets: Pick<OneTimeSecrets, 'issue'>;
  letters: Pick<Letters, 'send'>;
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
    arrival: Pick<Arrival, 'ip' | 'userAgent' | 'language'>,
    decided: Decided,
  ): Promise<void> {
    if (decided?.actions.includes('notify')) await this.#tellOwner(user, arrival);
  }

  async #tellOwner(
    user: Pick<User, 'id' | 'email' | 'profile'>,
    { ip, userAgent, language }: Pick<Arrival, 'ip' | 'userAgent' | 'language'>,
  ): Promise<void> {
    const { clock, config, database, oneTimeSecrets, letters, places } = this.#deps;
    const { email } = user;
    if (!email) return;
    const at = clock.now();
    const device = deviceName(userAgent);
    const place = placeName(places.find(ip), language);
    await database.transaction(async (em) => {
      const { link } = await oneTimeSecrets.issue(em, {
        purpose: 'end_sign_in',
        holder: { userId: user.id },
        address: email,
        form: 'link',
        keepsOlder: true,
        data: { at: at.toISOString(), browser: device.browser, system: device.system, place, ip },
      });
      await tellOwner({ clock, letters }, em, userSignedIn, {
        letter: newSignInLetter,
        kind: 'new_sign_in',
        owner: user,
        visitor: undefined,
        language,
        context: (recipient) => ({
          ...device,
          place: placeName(places.find(ip), recipient.language),
          ip,
          at,
          email,
          url: `${config.issuer}/not-me?token=${link}`,
        }),
      });
    });
  }

  #seen(ip: string): Seen {
    const { country, coordinates } = this.#deps.places.find(ip);
    return { at: this.#deps.clock.now(), network: networkKey(ip), country, coordinates };
  }
}

import type { AuditLog, By } from '#audit/module.ts';
import { type Clock, fromNow, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { Engine } from '../engine.ts';
import { registrationTokenInvalid } from '../errors.ts';
import { registrationTokenCreated } from '../events.ts';

type Dependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc'>;
  engine: () => Engine;
};

/** Initial access tokens of dynamic registration (RFC 7591 §3): each registers any number of clients until it expires. */
export class InitialTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The token is given back once. Throws oidc.registration_token_invalid where the policy takes no token. */
  async issue(expiresIn: number, by: By): Promise<{ token: string; expiresAt: Date }> {
    const { clock, database, audit, policies, engine } = this.#deps;
    const { registration } = policies.for(instance).oidc;
    if (registration !== 'token')
      throw registrationTokenInvalid(
        registration === 'off'
          ? 'dynamic registration is off; settings set oidc.registration token turns it on'
          : 'dynamic registration is open, so that no token is needed',
      );
    const { InitialAccessToken } = engine();
    const token = await new InitialAccessToken({ expiresIn }).save();
    const expiresAt = fromNow(clock, expiresIn * SECOND);
    await database.transaction((em) =>
      audit.record(
        em,
        registrationTokenCreated({
          ...by,
          subject: { type: 'instance', id: 'registration' },
          details: { expires_at: expiresAt.toISOString() },
        }),
      ),
    );
    return { token, expiresAt };
  }
}

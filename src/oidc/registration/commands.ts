import { z } from 'zod';
import { type AuditLog, operator } from '#audit/module.ts';
import { commandInput } from '#kernel/control.ts';
import { type Clock, fromNow, HOUR, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { instance, type Policies } from '#settings/module.ts';
import type { Engine } from '../engine.ts';
import { registrationTokenInvalid } from '../errors.ts';
import { LONGEST_INITIAL_TOKEN } from '../lifetimes.ts';
import { registrationTokenCreated } from '../events.ts';

type CommandDependencies = {
  clock: Clock;
  database: Pick<Database, 'transaction'>;
  audit: Pick<AuditLog, 'record'>;
  policies: Policies<'oidc'>;
  engine: () => Engine;
};

const createInput = z.strictObject({
  expires_in_seconds: z
    .int('must be a whole number')
    .min(60, 'must be at least 60')
    .max(LONGEST_INITIAL_TOKEN, `must be at most ${LONGEST_INITIAL_TOKEN}`)
    .default(HOUR / SECOND),
});

/** `latchkey registration-token …`: initial access tokens of dynamic registration (RFC 7591 §3). */
export function registrationCommands({ clock, database, audit, policies, engine }: CommandDependencies) {
  return {
    /** The token is shown once; it registers any number of clients until it expires. */
    async 'registration-token.create'(input: unknown) {
      const given = commandInput(createInput, input, registrationTokenInvalid);
      const { registration } = policies.for(instance).oidc;
      if (registration !== 'token')
        throw registrationTokenInvalid(
          registration === 'off'
            ? 'dynamic registration is off; settings set oidc.registration token turns it on'
            : 'dynamic registration is open, so nobody needs a token',
        );
      const { expires_in_seconds: expiresIn } = given;
      const { InitialAccessToken } = engine();
      const token = await new InitialAccessToken({ expiresIn }).save();
      const expiresAt = fromNow(clock, expiresIn * SECOND).toISOString();
      await database.transaction((em) =>
        audit.record(
          em,
          registrationTokenCreated({
            ...operator,
            subject: { type: 'instance', id: 'registration' },
            details: { expires_at: expiresAt },
          }),
        ),
      );
      return { initial_access_token: token, expires_at: expiresAt };
    },
  };
}

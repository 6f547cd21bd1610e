import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { type AuditLog, system } from '#audit/module.ts';
import type { KnownElsewhere, OldSystem } from '#credentials/module.ts';
import { type Clock, epochSeconds, SECOND } from '#kernel/clock.ts';
import type { Database } from '#kernel/database.ts';
import { AppError } from '#kernel/errors.ts';
import type { Outbound } from '#kernel/http/outbound.ts';
import { newId } from '#kernel/ids.ts';
import type { Log } from '#kernel/log.ts';
import { instance, type Policies } from '#settings/module.ts';
import { newCanonicalEmail, phoneNumberSchema, profileSchema, type UserService } from '#directory/users/module.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { LARGEST_OLD_SYSTEM_ANSWER } from './limits.ts';
import { userMigrated } from './events.ts';

/** Its data about a user; unknown members are ignored. Only `true` verifies an address. */
const answerSchema = z.object({
  ...profileSchema.shape,
  email_verified: z.boolean().default(false),
  phone_number: phoneNumberSchema.optional(),
  phone_number_verified: z.boolean().default(false),
  properties: z.record(z.string(), z.unknown()).default({}),
});
type Answer = z.infer<typeof answerSchema>;

/** How it says that it does not know the user, or not by this password. */
const NOT_RIGHT: ReadonlySet<number> = new Set([401, 403, 404, 422]);

type OldSystemDependencies = {
  clock: Clock;
  database: Database;
  log: Pick<Log, 'warn'>;
  secret: string | undefined;
  outbound: Pick<Outbound, 'limited'>;
  policies: Policies<'migration'>;
  users: Pick<UserService, 'create' | 'findByIdentifier'>;
  audit: Pick<AuditLog, 'record'>;
};

/** Asks the old system whether a password is right, and creates the user if it is. */
export function createOldSystem(dependencies: OldSystemDependencies): OldSystem {
  const { clock, database, log, secret, outbound, policies, users, audit } = dependencies;
  const breaker = new CircuitBreaker(clock);

  return {
    isAsked: () => secret !== undefined && policies.for(instance).migration.verifyUrl !== undefined,
    async verify(identifier, password) {
      const email = newCanonicalEmail(identifier);
      const { verifyUrl: url, verifySeconds } = policies.for(instance).migration;
      if (email === null || url === undefined || secret === undefined) return null;
      try {
        const answer = await breaker.run(() => ask({ url, secret, email, password, timeout: verifySeconds * SECOND }));
        return answer && known(email, answer);
      } catch (err) {
        log.warn({ err }, 'the system that people come from gave no usable answer');
        return null;
      }
    },
  };

  async function ask(asked: {
    url: string;
    secret: string;
    email: string;
    password: string;
    timeout: number;
  }): Promise<Answer | null> {
    const body = JSON.stringify({ type: 'password.verify', email: asked.email, password: asked.password });
    const answer = await outbound.limited({ totalTimeout: asked.timeout, maxBytes: LARGEST_OLD_SYSTEM_ANSWER })(
      asked.url,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...signed(asked.secret, body, clock),
        },
        body,
      },
    );
    if (NOT_RIGHT.has(answer.status)) return null;
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    return answerSchema.parse(await answer.json());
  }

  function known(email: string, answer: Answer): KnownElsewhere {
    const { email_verified, phone_number, phone_number_verified, properties, ...profile } = answer;
    return {
      async adopt(keep) {
        try {
          const userId = await database.transaction(async (em) => {
            const user = await users.create(
              em,
              {
                email,
                emailVerified: email_verified,
                emailProofDue: true,
                ...(phone_number === undefined ? {} : { phoneNumber: phone_number }),
                phoneNumberVerified: phone_number_verified,
                profile,
                properties,
              },
              system,
            );
            await keep(em, user.id);
            await audit.record(em, userMigrated({ ...system, subject: { type: 'user', id: user.id } }));
            return user.id;
          });
          return { userId, isNew: true };
        } catch (error) {
          const taken = error instanceof AppError && error.code === 'users.email_taken';
          const user = taken ? await users.findByIdentifier(email) : null;
          if (user === null) throw error;
          return { userId: user.id, isNew: false };
        }
      },
    };
  }
}

/** standardwebhooks.com: what is signed is id, time and body. */
function signed(secret: string, body: string, clock: Clock): Record<string, string> {
  const id = newId('msg');
  const timestamp = String(epochSeconds(clock));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

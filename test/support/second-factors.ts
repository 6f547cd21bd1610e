/** Second factors on a database of their own, with a clock that stands still, and what their owner was told. */
import { access } from '#directory/access/module.ts';
import { generateSync } from 'otplib';
import type { FactorNotice } from '#credentials/module.ts';
import { createKeyRing } from '#kernel/crypto.ts';
import type { Policy } from '#settings/module.ts';
import { createUsers, type ReadUser, type Role, type User } from '#directory/users/module.ts';
import { openAudit } from './audit.ts';
import { HashingQueue } from '../../src/credentials/passwords/hashing-queue.ts';
import { passkeyStateBy } from '../../src/credentials/passkeys/passkey-state.ts';
import { createSecondFactors } from '../../src/credentials/second-factors/second-factors.ts';
import { openAccess } from './access.ts';
import { testSecrets } from './app.ts';
import { testClock } from './clock.ts';
import { openTestDatabase } from './database.ts';
import { policiesWith } from './policies.ts';

type Given = { [S in 'mfa' | 'limits']?: Partial<Policy<S>> };

export const by = {
  actor: { type: 'visitor' as const },
  visitor: { ip: '192.0.2.7', userAgent: 'Firefox on Linux', requestId: 'req' },
};

export async function openSecondFactors() {
  const clock = testClock();
  const database = await openTestDatabase();
  const { log: audit } = openAudit({ clock, database });
  const { users } = createUsers({
    clock,
    database,
    audit,
    accessRevocation: openAccess({ clock, database, audit }).accessRevocation,
    rights: access,
  });
  const told: FactorNotice[] = [];
  const queue = new HashingQueue();

  function factors(given: Given = {}, secrets: readonly string[] = [testSecrets]) {
    const policies = policiesWith(given);
    const { accessRevocation, revocables } = openAccess({ clock, database, audit, policies });
    const made = createSecondFactors({
      clock,
      database,
      keyRing: createKeyRing(secrets),
      audit,
      queue,
      knownDevices: revocables.knownDevices,
      accessRevocation,
      tellOwner: async (_em, notice) => void told.push(notice),
      passkeyState: passkeyStateBy(new URL('https://id.example.com'), policies),
      policies,
    });
    return { ...made, trustedDevices: revocables.trustedDevices };
  }

  let people = 0;
  const person = async (roles: readonly Role[] = []): Promise<ReadUser> => {
    const { id } = await database.transaction((em) =>
      users.create(em, { email: `p${(people += 1)}@example.com`, roles }, { actor: { type: 'system' } }),
    );
    const user = await users.findById(id);
    if (!user) throw new Error('the user was not created');
    return user;
  };

  return {
    clock,
    database,
    factors,
    person,
    toldTo: ({ id }: Pick<User, 'id'>) => told.filter(({ userId }) => userId === id),
    events: async ({ id }: Pick<User, 'id'>) =>
      (
        await database.sql<{ type: string }>(
          `select type from audit_record where subject_id = $1 and type <> 'user.created' order by at, id`,
          [id],
        )
      ).map(({ type }) => type),
    /** The code that an app with this key shows, `steps` steps from now. */
    codeOf: (key: string, steps = 0): string =>
      generateSync({ secret: key.replaceAll(' ', ''), epoch: Math.floor(clock.now().getTime() / 1000) + steps * 30 }),
  };
}

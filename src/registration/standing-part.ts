import type { PasskeyService } from '#credentials/module.ts';
import type { StandingPart, Task } from '#interaction/module.ts';
import { lacking, type UserId, type UserService } from '#users/module.ts';
import type { Admission } from './admission.ts';
import type { PendingRegistrations } from './pending-registration.ts';

export type StandingDependencies = {
  users: Pick<UserService, 'findById'>;
  admission: Admission;
  pending: PendingRegistrations;
  passkeys: Pick<PasskeyService, 'relyingParty' | 'list'>;
};

/** What a person must still do to be as everybody here is, and to be able to come back. */
export async function registrationStanding(
  { users, admission, pending, passkeys }: StandingDependencies,
  uid: string,
  userId: UserId,
): Promise<StandingPart> {
  const tasks: Task[] = [];
  if (
    passkeys.relyingParty !== null &&
    (await pending.findChoice(uid, userId)) === 'passkey' &&
    (await passkeys.list(userId)).length === 0
  )
    tasks.push('first-passkey');
  const termsVersion = admission.termsVersion({ user: userId });
  const required = admission.requiredOf(userId);
  // Most instances ask for nothing, and nobody is looked up.
  const user = termsVersion === null && required.length === 0 ? null : await users.findById(userId);
  if (user === null) return { tasks };
  if (termsVersion !== null && user.termsVersion !== termsVersion) tasks.push('terms');
  if (lacking(required, user).length > 0) tasks.push('profile');
  return { tasks };
}

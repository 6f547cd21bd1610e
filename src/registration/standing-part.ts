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
  const user = await users.findById(userId);
  if (user === null) return {};
  const tasks: Task[] = [];
  if (
    passkeys.relyingParty !== null &&
    (await pending.findChoice(uid, userId)) === 'passkey' &&
    (await passkeys.list(userId)).length === 0
  )
    tasks.push('first-passkey');
  if (admission.termsVersion !== null && user.termsVersion !== admission.termsVersion) tasks.push('terms');
  if (lacking(admission.required(), user).length > 0) tasks.push('profile');
  return { tasks };
}

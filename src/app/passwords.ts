/** Passwords of users, as operators manage them. */
import { NewPasswords, PasswordAdministration } from '#credentials/module.ts';
import type { TellPasswordChanged } from '#sign-in/recovery/owner-letter.ts';
import type { Kernel } from './kernel.ts';
import type { Nouns } from './nouns.ts';

/** Creates temporary passwords and unlocks. */
export function createPasswordAdministration(
  { database }: Kernel,
  { accessRevocation, audit, credentials, managedUsers: managed, passwordDemands, users }: Nouns,
  tellPasswordChanged: TellPasswordChanged,
) {
  const { passwords, secondFactorAttempts } = credentials;
  const newPasswords = new NewPasswords<'temporary'>({
    passwords,
    accessRevocation,
    audit,
    demands: passwordDemands,
    tellOwner: (em, user, _act, about) => tellPasswordChanged(em, user, about),
  });
  return new PasswordAdministration({
    database,
    audit,
    users,
    managed,
    passwords,
    newPasswords,
    passwordDemands,
    secondFactorAttempts,
  });
}

import { organizationSignInRefused } from './events.ts';

/** Reasons of refused sign-ins for operators, each with what helps. docs/users.md shows them. */
export const meanings: Readonly<Record<string, string>> = {
  wrong: 'The password or the code was wrong. The user can reset the password, or you send a link (user send-reset).',
  throttled: 'Too many wrong tries. Wait until the lock ends, or release it (user unlock).',
  disabled: 'The account is disabled (user enable).',
  'used-up': 'This code was tried too often. The user asks for another one.',
  expired: 'The question to the passkey was too old or answered already. The user tries again.',
  unknown: 'The passkey is unknown here, or it was removed.',
  flagged: 'The passkey was stopped because there may be a copy of it. The user adds another one and removes it.',
  unavailable: 'Passkeys are off (setting passkeys.enabled), or the passkey cannot be used here.',
  malformed: 'The answer of the passkey could not be read.',
  other_ceremony: 'The answer of the passkey belongs to another question.',
  framed: 'The page was in a frame of another site.',
  not_verified: 'The signature of the passkey was wrong, or its device did not check the user by PIN or fingerprint.',
  other_person: 'The passkey belongs to another user.',
  backup_eligibility: 'The passkey contradicts what was stored about its backup.',
  model_not_allowed: 'The policy takes no passkeys of this model (setting passkeys.allowedAuthenticators).',
};

/** The reasons of a policy. */
const ofPolicies: Readonly<Record<string, string>> = {
  network:
    'The IP address is outside the networks of the policy (setting networks.allowed or the policy of the organization).',
  way: 'The policy takes no sign-in that begins in this way: it names other methods, or the connection of the organization.',
  factor: 'The policy asks for a second factor that the user does not have.',
};

/** The reason of a refusal in words; null for one that no release knows any more. */
export function meaningOf(type: string, reason: string): string | null {
  const known = type === organizationSignInRefused.name ? ofPolicies : meanings;
  return Object.hasOwn(known, reason) ? (known[reason] ?? null) : null;
}

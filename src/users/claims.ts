import { SECOND } from '#kernel/clock.ts';
import type { User } from './user.ts';

/** What claims are made of, and whether any may be made. */
export type ClaimSource = Pick<
  User,
  'status' | 'email' | 'emailVerified' | 'phoneNumber' | 'phoneNumberVerified' | 'profile' | 'updatedAt'
>;

/** Everything that OpenID Connect Core §5.1 lets us say about a person; the engine keeps what scopes and claims ask for. */
export function claimsOf(user: Omit<ClaimSource, 'status'>): Record<string, unknown> {
  return {
    ...user.profile,
    email: user.email,
    email_verified: user.emailVerified,
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    updated_at: Math.floor(user.updatedAt.getTime() / SECOND),
  };
}

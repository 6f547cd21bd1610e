import { SECOND } from '#kernel/clock.ts';
import type { Property } from '#settings/module.ts';
import { shownProperties } from './property-fields.ts';
import type { User } from './user.ts';

/** The data of claims, and whether the user may have any. */
export type ClaimSource = Pick<
  User,
  'status' | 'email' | 'emailVerified' | 'phoneNumber' | 'phoneNumberVerified' | 'profile' | 'properties' | 'updatedAt'
>;

/**
 * Everything that OpenID Connect Core §5.1 lets us say about a user, and what the operator's schema of properties shows to
 * relying parties; the engine keeps what scopes and claims ask for.
 */
export function claimsOf(user: Omit<ClaimSource, 'status'>, schema: readonly Property[] = []): Record<string, unknown> {
  return {
    ...shownProperties(schema, user.properties),
    ...user.profile,
    email: user.email,
    email_verified: user.emailVerified,
    ...(user.phoneNumber ? { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified } : {}),
    updated_at: Math.floor(user.updatedAt.getTime() / SECOND),
  };
}

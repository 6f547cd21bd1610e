/** A user with credentials, as operations show one: alone, or in a list. */
import { z } from 'zod';
import { userDetailOnWire, userDetailSchema, userOnWire, userSchema } from '#directory/users/user-wire.ts';
import { credentialOnWire, credentialSchema } from './credential-wire.ts';
import type { ListedWithFactor, WholeUser } from './user-administration.ts';

export const shownSchema = userDetailSchema.extend({ credentials: z.array(credentialSchema) });
export const listedSchema = userSchema.extend({ second_factor: z.enum(['none', 'usable', 'unusable']) });

/** All that operators see of a user. */
export const wholeOnWire = ({ user, lastActiveAt, credentials }: WholeUser): z.input<typeof shownSchema> => ({
  ...userDetailOnWire(user, lastActiveAt),
  credentials: credentials.map(credentialOnWire),
});

/** A user in a list. */
export const listedOnWire = ({ user, lastActiveAt, secondFactor }: ListedWithFactor): z.input<typeof listedSchema> => ({
  ...userOnWire(user, lastActiveAt),
  second_factor: secondFactor,
});

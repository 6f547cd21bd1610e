import type { User } from '#users/module.ts';

/** The number to which codes may go; null where the user has proved none. */
export const provenNumber = ({ phoneNumber, phoneNumberVerified }: User): string | null =>
  phoneNumberVerified ? (phoneNumber ?? null) : null;

import { z } from 'zod';

export const usersPolicy = z.strictObject({
  /**
   * Whether users have usernames, with which they can sign in as with an email address. `off`: no. `optional`: users who want one.
   * `required`: every user; a user without one is asked at the next sign-in.
   */
  username: z.enum(['off', 'optional', 'required']).default('off'),
  /**
   * Whether visitors need an email address to register. `required`: all. `optional`: where usernames are required and the mode is open,
   * visitors may register with a username and a password alone. Operators add users without an address where usernames are on.
   */
  email: z.enum(['required', 'optional']).default('required'),
  /** Usernames that no user may choose, in addition to names of roles and services. */
  reservedUsernames: z.array(z.string().trim().min(1).max(64)).max(500).default([]),
});

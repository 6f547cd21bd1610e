import { z } from 'zod';
import { type Policy, sections } from './policies.ts';

const { signIn, mfa, password, session, networks } = sections;

/**
 * The members of the settings that an organization or a client may tighten, by section. A member that is not given tightens nothing. One
 * that would loosen the policy of the instance has no effect: the strictest value wins (combination.ts).
 */
export const tighteningSchema = z.strictObject({
  signIn: z.strictObject({ methods: signIn.shape.methods.unwrap() }).partial().optional(),
  mfa: z
    .strictObject({
      /** `required`: all users of the organization. `optional`: users who added a second factor. */
      enforcement: z.enum(['optional', 'required']),
      factors: mfa.shape.factors.unwrap(),
      emailCodes: z.boolean(),
      smsCodes: z.boolean(),
      graceDays: mfa.shape.graceDays.unwrap(),
      trustDays: mfa.shape.trustDays.unwrap(),
      totpWindow: mfa.shape.totpWindow.unwrap(),
    })
    .partial()
    .optional(),
  password: z
    .strictObject({
      minimumLength: password.shape.minimumLength.unwrap(),
      minimumScore: password.shape.minimumScore.unwrap(),
      blockedWords: password.shape.blockedWords.unwrap(),
      breachCheck: z.boolean(),
      history: password.shape.history.unwrap(),
    })
    .partial()
    .optional(),
  session: z
    .strictObject({
      idleSeconds: session.shape.idleSeconds.unwrap(),
      absoluteSeconds: session.shape.absoluteSeconds.unwrap(),
      rememberSeconds: session.shape.rememberSeconds.unwrap(),
    })
    .partial()
    .optional(),
  networks: z.strictObject({ allowed: networks.shape.allowed.unwrap() }).partial().optional(),
});

/** The demands of one organization or client beyond the policy of the instance. */
export type Tightening = z.infer<typeof tighteningSchema>;
export type TightenedSection = keyof Tightening;
export type Demand<S extends TightenedSection> = Partial<Policy<S>>;

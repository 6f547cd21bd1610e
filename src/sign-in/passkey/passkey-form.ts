import { z } from 'zod';
import { form } from '#kernel/http/form.ts';

/** The error of passkey.js when an authenticator gave no response. */
const FAILURES = ['cancelled', 'timed_out', 'exists', 'unsupported', 'failed'] as const;
export type Failure = (typeof FAILURES)[number];

/** Filled in by passkey.js; both are empty when there is no script. */
export const passkeyForm = form(
  z.object({
    credential: z.string().max(60_000).default(''),
    failure: z
      .enum(['', ...FAILURES])
      .catch('failed')
      .default(''),
    remember: z.string().max(8).optional(),
    action: z.string().max(16).default(''),
    /** `anyone`: from the page that asks for the address, so that an address typed before does not count. */
    who: z.literal('anyone').optional(),
  }),
);

/** `platform` is said by a browser that could keep a passkey itself. */
export const optionsForm = form(z.object({ platform: z.literal('true').optional() }));

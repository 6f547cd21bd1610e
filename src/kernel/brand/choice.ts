import { z } from 'zod';
import { fontNames } from './fonts.ts';

const color = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #0a3fb5');
const page = z.url({ protocol: /^https?$/ }).max(2048);

/** The operator's choices for the look of the instance, or of the pages of one client. */
export const brandChoice = {
  /** Of buttons, links and the focus; the stylesheet derives pairs of colours that can be read. */
  color: color.optional(),
  /** Of the bolt on the line; without it the bolt has the colour of the rest. */
  accent: color.optional(),
  /** Corners of fields, buttons and sheets. */
  radius: z.enum(['sharp', 'soft', 'round']).optional(),
  /** One of those that are served from here. `system`: the font of each device, nothing is fetched. */
  font: z.enum(fontNames).optional(),
  /** Behind the sheet. `tint`: with a breath of the colour. */
  background: z.enum(['plain', 'tint']).optional(),
  /** Whether the logo contains the name, so that the page need not repeat it. */
  wordmark: z.boolean().optional(),
  privacyUrl: page.optional(),
  termsUrl: page.optional(),
  /** A page, or a mailbox (`mailto:`). */
  helpUrl: z
    .url({ protocol: /^(https?|mailto)$/ })
    .max(2048)
    .optional(),
};

/** The choices of one client: what it leaves out is as everywhere else. */
export const clientBrandChoice = z.strictObject({ name: z.string().min(1).max(64).optional(), ...brandChoice });
export type ClientBrandChoice = z.infer<typeof clientBrandChoice>;

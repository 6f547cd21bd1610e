import { z } from 'zod';
import { idSchema } from '#kernel/operations/schemas.ts';
import type { ContactId } from './contact.ts';

/** The primary one is a member of the user, and has no id of its own. */
export const PRIMARY = 'primary';
export type ContactKey = typeof PRIMARY | ContactId;
/** Names one in an address of the management API. */
export const contactKey = z
  .union([z.literal(PRIMARY), idSchema('cnt')], 'must be primary, or an id like cnt_01h455vb4pex5vsknk084sn02q')
  .meta({ examples: ['cnt_01h455vb4pex5vsknk084sn02q'] });

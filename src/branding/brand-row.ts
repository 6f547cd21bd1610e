import { defineEntity, p } from '@mikro-orm/core';
import type { ClientBrandChoice } from '#kernel/brand/choice.ts';

/** Brand data outside the settings: files, and the choices for the pages of one client. */
const BrandRowSchema = defineEntity({
  name: 'BrandRow',
  tableName: 'brand',
  properties: {
    /** A client ID, or nothing for the instance. */
    owner: p.text().primary(),
    choice: p.json<ClientBrandChoice>(),
    logo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    darkLogo: p.blob().columnType('bytea').$type<Buffer>().nullable(),
    stylesheet: p.text().nullable(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
/** Files and choices of one brand: the instance's or a client's (table `brand`). */
export class BrandRow extends BrandRowSchema.class {}
BrandRowSchema.setClass(BrandRow);

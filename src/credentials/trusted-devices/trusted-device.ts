import { defineEntity, p } from '@mikro-orm/core';
import { IdColumn } from '#kernel/id-column.ts';
import type { Id } from '#kernel/ids.ts';
import { User } from '#directory/users/module.ts';

export type TrustedDeviceId = Id<'tdev'>;

const TrustedDeviceSchema = defineEntity({
  name: 'TrustedDeviceRow',
  tableName: 'trusted_device',
  properties: {
    id: p.type(new IdColumn('tdev')).primary().$type<TrustedDeviceId>(),
    userId: () =>
      p
        .manyToOne(User)
        .mapToPk()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('no action')
        .index('trusted_device_user_id_index'),
    secretHash: p.blob().columnType('bytea').$type<Buffer>(),
    userAgent: p.text(),
    ip: p.text(),
    createdAt: p.datetime(3).columnType('timestamptz(3)'),
    seenAt: p.datetime(3).columnType('timestamptz(3)'),
    expiresAt: p.datetime(3).columnType('timestamptz(3)').index('trusted_device_expires_at_index'),
  },
  uniques: [{ name: 'trusted_device_secret_hash_user_id_unique', properties: ['secretHash', 'userId'] }],
});
/** Mapped for the drift test alone; trusted-devices.ts writes it by conditional statements. */
export class TrustedDeviceRow extends TrustedDeviceSchema.class {}
TrustedDeviceSchema.setClass(TrustedDeviceRow);

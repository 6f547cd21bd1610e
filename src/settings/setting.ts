import { defineEntity, p } from '@mikro-orm/core';

const SettingSchema = defineEntity({
  name: 'Setting',
  tableName: 'setting',
  properties: {
    section: p.text().primary(),
    value: p.json<Record<string, unknown>>(),
    changedAt: p.datetime(3).columnType('timestamptz(3)'),
  },
});
export class Setting extends SettingSchema.class {}
SettingSchema.setClass(Setting);

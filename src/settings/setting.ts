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
/** One stored section or value of the settings (table `setting`). */
export class Setting extends SettingSchema.class {}
SettingSchema.setClass(Setting);

import { defineEntity, p } from '@mikro-orm/core';
import type { KeyState, KeyUse } from './key-uses.ts';

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const SamlKeySchema = defineEntity({
  name: 'SamlKey',
  tableName: 'saml_key',
  properties: {
    /** The SHA-256 fingerprint of the certificate, in hexadecimal digits. */
    id: p.text().primary(),
    use: p.text().$type<KeyUse>(),
    state: p.text().$type<KeyState>(),
    /** As PEM. */
    certificate: p.text(),
    /** The private key as PEM, under the key ring; null once retired. */
    privateSealed: p.text().nullable(),
    createdAt: instant(),
    activatedAt: instant().nullable(),
    replacedAt: instant().nullable(),
    /** The last warning: an event said that the key is replaced in so many days. */
    warnedDays: p.integer().nullable(),
  },
  uniques: [
    { name: 'saml_key_current_unique', properties: ['use'], where: `"state" = 'current'` },
    { name: 'saml_key_next_unique', properties: ['use'], where: `"state" = 'next'` },
  ],
});
/** A key of ours for SAML, with its self-signed certificate (table `saml_key`). */
export class SamlKey extends SamlKeySchema.class {}
SamlKeySchema.setClass(SamlKey);

/** Where a sealed private key belongs; it opens nowhere else. */
export const sealPlace = (id: string): string => `saml_key.private_sealed:${id}`;

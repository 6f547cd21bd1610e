import { defineEntity, p } from '@mikro-orm/core';
import type { StoredJwk, KeyFamily } from './key-material.ts';

/**
 * next      published, signs nothing yet
 * current   signs
 * previous  signs nothing more, published until the last token that it signed has expired
 * retired   neither published nor accepted; its private half is gone
 */
export type KeyState = 'next' | 'current' | 'previous' | 'retired';

const instant = () => p.datetime(3).columnType('timestamptz(3)');

const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_key',
  properties: {
    /** RFC 7638 thumbprint. */
    kid: p.text().primary(),
    family: p.text().$type<KeyFamily>(),
    state: p.text().$type<KeyState>(),
    publicJwk: p.json<Omit<StoredJwk, 'd'>>(),
    /** The private JWK under the key ring, with the kid as associated data; null once retired. */
    privateSealed: p.text().nullable(),
    createdAt: instant(),
    /** A `next` key may sign from here on: by then every relying party has met it in the JWKS. */
    usableAt: instant(),
    activatedAt: instant().nullable(),
    replacedAt: instant().nullable(),
    publishedUntil: instant().nullable(),
    /** An operator wants this `current` key replaced as soon as the next one may sign. */
    rotationRequested: p.boolean(),
  },
  uniques: [
    { name: 'signing_key_current_unique', properties: ['family'], where: `"state" = 'current'` },
    { name: 'signing_key_next_unique', properties: ['family'], where: `"state" = 'next'` },
  ],
});
/** A signing key; its private part is encrypted (table `signing_key`). */
export class SigningKey extends SigningKeySchema.class {}
SigningKeySchema.setClass(SigningKey);

/** Where a sealed private key belongs; it opens nowhere else. */
export const sealPlace = (kid: string): string => `signing_key.private_sealed:${kid}`;

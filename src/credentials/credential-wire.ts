/** Credentials, and browsers without a second factor, as operations show them: never anything secret. */
import { z } from 'zod';
import { timeSchema } from '#kernel/operations/schemas.ts';
import type { ShownPasskey } from './passkeys/passkey-service.ts';
import type { RecoveryCodesLeft } from './recovery-codes/recovery-codes.ts';
import type { Totp } from './totp/totp-service.ts';
import type { TrustedDevice } from './trusted-devices/trusted-devices.ts';
import type { ShownCredential } from './user-administration.ts';

export const credentialSchema = z.strictObject({
  method: z.string(),
  state: z.string(),
  id: z.string().optional(),
  name: z.string().nullable().optional(),
  left: z.int().optional().describe('Number of remaining recovery codes'),
  created_at: timeSchema.optional(),
  last_used_at: timeSchema.nullable().optional(),
});

/** A credential of any method, in the list of all of a user. */
export function credentialOnWire(credential: ShownCredential): z.input<typeof credentialSchema> {
  const { createdAt, lastUsedAt, ...members } = credential;
  return {
    ...members,
    ...(createdAt === undefined ? {} : { created_at: createdAt.toISOString() }),
    ...(lastUsedAt === undefined ? {} : { last_used_at: lastUsedAt?.toISOString() ?? null }),
  };
}

export const passkeySchema = z.strictObject({
  id: z.string(),
  name: z.string().nullable().describe('Name that the user gave it'),
  authenticator: z.string().nullable().describe('Model of the authenticator, where it is known'),
  security_key: z.boolean().describe('Whether it is a key on a keyring, not a device or its password manager'),
  verifies_user: z
    .boolean()
    .describe('Whether it can sign in alone, because it asks for a fingerprint, a face or a PIN'),
  backup: z.enum(['device', 'syncable', 'synced']),
  state: z.string(),
  created_at: timeSchema,
  last_used_at: timeSchema.nullable(),
});

/** A passkey as the command line and the management API show one. */
export function passkeyOnWire(passkey: ShownPasskey): z.input<typeof passkeySchema> {
  const { id, name, authenticator, isSecurityKey, verifiesUser, backup, state, createdAt, lastUsedAt } = passkey;
  return {
    id,
    name,
    authenticator,
    security_key: isSecurityKey,
    verifies_user: verifiesUser,
    backup,
    state,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  };
}

export const totpSchema = z.strictObject({
  name: z.string(),
  digits: z.int(),
  created_at: timeSchema,
  last_used_at: timeSchema.nullable(),
});

/** An authenticator app as the command line and the management API show one. */
export function totpOnWire({ name, digits, createdAt, usedAt }: Totp): z.input<typeof totpSchema> {
  return { name, digits, created_at: createdAt.toISOString(), last_used_at: usedAt?.toISOString() ?? null };
}

export const recoveryCodesSchema = z.strictObject({
  left: z.int().describe('Number of codes that were not used'),
  created_at: timeSchema,
});

/** Recovery codes as the command line and the management API show them. */
export function recoveryCodesOnWire({ left, createdAt }: RecoveryCodesLeft): z.input<typeof recoveryCodesSchema> {
  return { left, created_at: createdAt.toISOString() };
}

export const trustedBrowserSchema = z.strictObject({
  id: z.string(),
  user_agent: z.string(),
  ip: z.string(),
  created_at: timeSchema,
  last_used_at: timeSchema,
  expires_at: timeSchema,
});

/** A trusted browser as the command line and the management API show one. */
export function trustedBrowserOnWire(browser: TrustedDevice): z.input<typeof trustedBrowserSchema> {
  const { id, userAgent, ip, createdAt, seenAt, expiresAt } = browser;
  return {
    id,
    user_agent: userAgent,
    ip,
    created_at: createdAt.toISOString(),
    last_used_at: seenAt.toISOString(),
    expires_at: expiresAt.toISOString(),
  };
}

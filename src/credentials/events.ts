import { z } from 'zod';
import { eventType, caep, risc } from '#audit/event-type.ts';

export const userPasswordChanged = eventType({
  name: 'user.password_changed',
  text: 'A user chose another password, or an operator set a temporary one.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'sign-in/recovery/changed',
  webhook: true,
  caep: caep.credentialChange,
});

export const userUnlocked = eventType({
  name: 'user.unlocked',
  text: 'An operator let a user try again whose wrong passwords or codes were used up.',
  details: z.strictObject({ released: z.array(z.string()).describe('Counters that began again') }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const userPasswordSet = eventType({
  name: 'user.password_set',
  text: 'A user who had none chose a password.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'account/change',
  webhook: true,
  caep: caep.credentialChange,
});

export const userPasswordRemoved = eventType({
  name: 'user.password_removed',
  text: 'A user gave the password up.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'account/change',
  webhook: true,
  caep: caep.credentialChange,
});

export const userPasswordReset = eventType({
  name: 'user.password_reset',
  text: 'A user chose a new password by a link that was mailed.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'sign-in/recovery/changed',
  webhook: true,
  caep: caep.credentialChange,
});

export const userPasswordChangeFailed = eventType({
  name: 'user.password_change_failed',
  text: 'The present password that was given to change it was wrong, or one try too many.',
  details: z.strictObject({ reason: z.enum(['wrong', 'throttled']) }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'warning',
  webhook: true,
});

export const userPasskeyAdded = eventType({
  name: 'user.passkey_added',
  text: 'A passkey or security key was added.',
  details: z.strictObject({
    passkey: z.string(),
    name: z.string().nullable(),
    aaguid: z.string(),
    attestation: z.string(),
    user_verified: z.boolean(),
  }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userPasskeyRenamed = eventType({
  name: 'user.passkey_renamed',
  text: 'A passkey or security key was given another name.',
  details: z.strictObject({ passkey: z.string(), name: z.string().nullable() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userPasskeyRemoved = eventType({
  name: 'user.passkey_removed',
  text: 'A passkey or security key was removed.',
  details: z.strictObject({ passkey: z.string(), name: z.string().nullable() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userPasskeyFlagged = eventType({
  name: 'user.passkey_flagged',
  text: 'A passkey was stopped because its counter says that there may be a copy of it.',
  details: z.strictObject({ passkey: z.string(), name: z.string().nullable(), reason: z.literal('sign_count') }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  letter: 'credentials/factor',
  webhook: true,
  caep: risc.credentialCompromise,
});

export const userTotpAdded = eventType({
  name: 'user.totp_added',
  text: 'An authenticator app was added.',
  details: z.strictObject({ name: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userTotpRemoved = eventType({
  name: 'user.totp_removed',
  text: 'The authenticator app was removed.',
  details: z.strictObject({ name: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userRecoveryCodesMade = eventType({
  name: 'user.recovery_codes_made',
  text: 'Recovery codes were made, and older ones ended.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userRecoveryCodesRemoved = eventType({
  name: 'user.recovery_codes_removed',
  text: 'An operator removed the recovery codes of a user.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: risc.recoveryInformationChanged,
});

export const userRecoveryCodeUsed = eventType({
  name: 'user.recovery_code_used',
  text: 'A recovery code was used to sign in.',
  details: z.strictObject({ left: z.number() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'notice',
  letter: 'credentials/factor',
  webhook: true,
  caep: risc.recoveryActivated,
});

export const userSecondFactorFailed = eventType({
  name: 'user.second_factor_failed',
  text: 'A second factor was refused in a sign-in.',
  details: z.strictObject({ factor: z.string(), reason: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'warning',
  webhook: true,
});

export const userSecondFactorBlocked = eventType({
  name: 'user.second_factor_blocked',
  text: 'After too many wrong codes the second factor waits.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  letter: 'credentials/factor',
  webhook: true,
});

export const userMfaReset = eventType({
  name: 'user.mfa_reset',
  text: 'An operator removed all second factors of a user.',
  details: z.strictObject({ reason: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'alert',
  letter: 'credentials/factor',
  webhook: true,
  caep: caep.credentialChange,
});

export const userDeviceTrusted = eventType({
  name: 'user.device_trusted',
  text: 'A browser need not prove the second factor for some days.',
  details: z.strictObject({ days: z.number() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const userTrustedDeviceRemoved = eventType({
  name: 'user.trusted_device_removed',
  text: 'A browser must prove the second factor again.',
  details: z.strictObject({ device: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

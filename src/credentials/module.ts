/**
 * credentials: the authentication methods of users.
 *
 * Owns    the table of all authentication methods and the states of a credential (methods.ts); passwords (argon2id), passkeys and security keys, links and codes that prove an address, authenticator apps, recovery
 *         codes, trusted devices, the counters of wrong tries, known devices; enrolling and verifying, one file each.
 * Leaves  the pages to login and account, the next step to interaction, the effects of a changed
 *         credential to oidc.
 * URLs    none.
 */
import type { AuditLog } from '#audit/module.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Config } from '#kernel/config.ts';
import type { KeyRing } from '#kernel/crypto.ts';
import type { Database } from '#kernel/database.ts';
import { instance, type Policies, type UserPolicies } from '#settings/module.ts';
import { AttemptCounter } from './attempts.ts';
import { type BreachDependencies, BreachedPasswords } from './passwords/breached-passwords.ts';
import { HashingQueue } from './passwords/hashing-queue.ts';
import type { HashCost } from './passwords/password-hash.ts';
import { OpenInvitations } from './one-time/open-invitations.ts';
import { UndoRights } from './one-time/undo-rights.ts';
import { passkeyStateBy } from './passkeys/passkey-state.ts';
import { createPasskeys } from './passkeys/passkeys.ts';
import { PasswordBulk } from './passwords/password-bulk.ts';
import { PasswordHistory } from './passwords/password-history.ts';
import { PasswordPolicy } from './passwords/password-policy.ts';
import { PasswordAttempts } from './passwords/password-attempts.ts';
import { isOneOf, type OldSystem, PasswordService } from './passwords/password-service.ts';
import type { Revocables } from './revocables.ts';
import type { FactorEndings, TellOwner } from './second-factors/second-factor-notice.ts';
import { createSecondFactors } from './second-factors/second-factors.ts';
import { WaysIn, type WaysInDependencies } from './ways-in.ts';
import { PASSWORD_DELAYS } from './limits.ts';

export type Dependencies = {
  config: Pick<Config, 'issuerUrl'>;
  clock: Clock;
  database: Database;
  keyRing: KeyRing;
  policies: Policies<'password' | 'passkeys' | 'mfa' | 'signIn' | 'limits' | 'branding'> &
    UserPolicies<'password' | 'branding' | 'mfa' | 'signIn'>;
  audit: Pick<AuditLog, 'record' | 'note'>;
  tellOwner: TellOwner;
  oldSystem: OldSystem;
  outbound: BreachDependencies['outbound'];
  log: BreachDependencies['log'];
  countedBreachCheck: BreachDependencies['counted'];
  hashCost?: HashCost | undefined;
  accessRevocation: FactorEndings;
} & Omit<WaysInDependencies, 'policies'> &
  Revocables;

/**
 * Creates the services of all credentials: passwords, passkeys, authenticator apps, codes, recovery codes, trusted
 * browsers.
 */
export function createCredentials({
  config,
  clock,
  database,
  keyRing,
  policies,
  audit,
  tellOwner,
  oldSystem,
  outbound,
  log,
  countedBreachCheck,
  hashCost,
  accessRevocation,
  identities,
  openConnections,
  knownDevices,
  trustedDevices,
  oneTimeSecrets,
  webauthnChallenges,
}: Dependencies) {
  const attempts = new AttemptCounter(clock, database, () => {
    const { passwordFreeFailures: free, passwordMaximumFailures: maximum } = policies.for(instance).limits;
    return { free, maximum, delays: PASSWORD_DELAYS };
  });
  const hashing = new HashingQueue();
  const passkeyState = passkeyStateBy(config.issuerUrl, policies);
  const secondFactors = createSecondFactors({
    clock,
    database,
    keyRing,
    audit,
    queue: hashing,
    knownDevices,
    accessRevocation,
    tellOwner,
    hashCost,
    policies,
    passkeyState,
  });
  const waysIn = new WaysIn({ policies, identities, openConnections }, passkeyState);
  const passkeys = createPasskeys({
    clock,
    database,
    keyRing,
    audit,
    issuer: config.issuerUrl,
    policies,
    demand: {
      async assertOneLeft(em, userId) {
        await secondFactors.secondFactorDemand.assertOneLeft(em, userId);
        await waysIn.assertOneLeft(em, userId);
      },
    },
    accessRevocation,
    tellOwner,
    webauthnChallenges,
  });
  const history = new PasswordHistory(clock, database, policies);
  const breached = new BreachedPasswords({
    clock,
    outbound,
    log,
    counted: countedBreachCheck,
  });
  const policy = new PasswordPolicy({
    policies,
    breached,
    isReused: async (userId, password) => isOneOf(await history.list(userId), password, hashing),
  });
  const passwords = new PasswordService({
    clock,
    database,
    attempts,
    queue: hashing,
    policy,
    history,
    oldSystem,
    hashCost,
  });
  return {
    ...secondFactors,
    ...passkeys,
    tellOwner,
    attempts,
    hashing,
    knownDevices,
    trustedDevices,
    oneTimeSecrets,
    openInvitations: new OpenInvitations(clock, database),
    undoRights: new UndoRights(clock, database, oneTimeSecrets),
    waysIn,
    passwordBulk: new PasswordBulk(clock, database),
    passwords,
    passwordAttempts: new PasswordAttempts({ database, attempts, knownDevices, passwords }),
  };
}

export type { KnownElsewhere, OldSystem, PasswordService } from './passwords/password-service.ts';
export type { AttemptOutcome, PasswordAttempts } from './passwords/password-attempts.ts';
export { type NewPassword, type NewPasswordDependencies, NewPasswords } from './passwords/new-passwords.ts';
export { ShownUsers } from './shown-users.ts';
export { PasswordAdministration } from './passwords/password-administration.ts';
export { UserAdministration } from './user-administration.ts';
export { PasswordChanges } from './passwords/password-changes.ts';
export { DEVICE_KNOWN_FOR } from './lifetimes.ts';
export { LONGEST_PASSWORD_FIELD, LONGEST_SHOWN_WAIT, LONGEST_TYPED_CODE } from './limits.ts';
export type { WaysIn } from './ways-in.ts';
export { passwordOwner } from './passwords/password-policy.ts';
export { type Resent, resentSamples } from './one-time/resends.ts';
export type { AboutUser } from './passwords/password-rule.ts';
export type { FieldRules, NewPasswordProblem, PasswordProblem } from './passwords/password-problem.ts';
export { publishPasswordHelp } from './passwords/password-scripts.ts';
export { breachChecks } from './passwords/breached-passwords.ts';
export { newPasswordProblems, sampleRules } from './passwords/password-problem.ts';
export { PasswordHistoryRow } from './passwords/password-history.ts';
export { OLD_SYSTEM } from './passwords/password-service.ts';
export type { HashCost } from './passwords/password-hash.ts';
export type { BulkPassword, PasswordBulk } from './passwords/password-bulk.ts';
export { HashRefusal } from './foreign-hashes/family.ts';
export { foreignHash } from './foreign-hashes/formats.ts';
export type {
  InvitationFilters,
  InvitationId,
  OpenInvitation as OpenInstanceInvitation,
  OpenInvitations,
} from './one-time/open-invitations.ts';
export type { AskingBrowser, Holder } from './one-time/one-time-budget.ts';
export type { CodeOutcome, Issued, OneTimeSecret, OneTimeSecrets, OpenSecret } from './one-time/one-time-secrets.ts';
export { digitCode, triedCode } from './one-time/typed-code.ts';
export { forgetProofs } from './proofs-of-others.ts';
export { OneTimeSecretRow, secretLifetimes } from './one-time/one-time-secret.ts';
export type { NewPasskeyProblem, PasskeyRegistration } from './passkeys/passkey-registration.ts';
export { createRevocables } from './revocables.ts';
export type { Undo, UndoRights } from './one-time/undo-rights.ts';
export type { FactorNotice, TellOwner } from './second-factors/second-factor-notice.ts';
export { tellOwnerByMail } from './owner-letters.ts';
export type { FactorOutcome, SecondFactorAttempts } from './second-factors/second-factor-attempts.ts';
export {
  beginsWith,
  type CodeFactor,
  codeFactors,
  type Enrolment,
  type Factor,
  factorOfKey,
  type FirstFactor,
  firstFactors,
  type FirstPage,
  isSentFactor,
  methods,
  type RegistrationMethod,
  secondFactors,
  type SecondPage,
  type SentFactor,
  type SentFirstFactor,
  type SentFirstPage,
  sentFirstFactors,
} from './methods.ts';
export {
  hasConfirmed,
  hasTwoSteps,
  hasUsable,
  type OverviewPlace,
  type SecondFactorOverview,
  type SecondFactorOverviews,
  withSecondFactor,
} from './second-factors/second-factor-overview.ts';
export { isFactorDemanded } from './second-factors/second-factor-demand.ts';
export type { Totp, TotpService } from './totp/totp-service.ts';
export type { TotpEnrolments } from './totp/totp-enrolments.ts';
export type { WrittenWith } from './written-with.ts';
export { type QrCode, qrCode } from './totp/totp-enrolments.ts';
export { totpImport, type TotpImport } from './totp/totp-secret.ts';
export { unavailableWhenBusy } from './errors.ts';
export { recoverySheet, sampleRecoveryCodes } from './recovery-codes/recovery-sheet.ts';
export type { RecoveryCodes, RecoveryCodesLeft } from './recovery-codes/recovery-codes.ts';
export type { TrustedDevice, TrustedDevices } from './trusted-devices/trusted-devices.ts';
export type { TrustedDeviceId } from './trusted-devices/trusted-device.ts';
export { TotpCredential, TotpEnrolment } from './totp/totp-credential.ts';
export { recoveryCodeShape, RecoveryCodeSet } from './recovery-codes/recovery-code.ts';
export { TrustedDeviceRow } from './trusted-devices/trusted-device.ts';
export { type AttemptCounter, AttemptCounterRow } from './attempts.ts';
export { describeActs } from './one-time/told-acts.ts';
export type { KnownDevices } from './trusted-devices/known-device.ts';
export { type SecondFactorRequests, SecondFactorRequest } from './second-factors/second-factor-requests.ts';
export { KnownDevice } from './trusted-devices/known-device.ts';
export { PasswordCredential } from './passwords/password-service.ts';
export type { PasskeyService, ShownPasskey } from './passkeys/passkey-service.ts';
export type { PasskeyProof, ProofOutcome, Question } from './passkeys/passkey-proof.ts';
export type { WebauthnUsers } from './passkeys/webauthn-user.ts';
export { Passkey, type PasskeyId } from './passkeys/passkey.ts';
export { WebauthnUser } from './passkeys/webauthn-user.ts';
export { WebauthnChallenge } from './passkeys/challenge.ts';

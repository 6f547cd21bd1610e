import { AuditChain, AuditDetail, AuditEventRow, AuditSeal, AuditSealKey, AuditUnsealed } from '#audit/audit-tables.ts';
import { BrandRow } from '#branding/module.ts';
import { ApiResource, Client, ClientSecret, RetiredClientId } from '#clients/module.ts';
import { Consent } from '#consent/module.ts';
import {
  AttemptCounterRow,
  KnownDevice,
  OneTimeSecretRow,
  Passkey,
  PasswordCredential,
  PasswordHistoryRow,
  RecoveryCodeSet,
  SecondFactorRequest,
  TotpCredential,
  TotpEnrolment,
  TrustedDeviceRow,
  WebauthnChallenge,
  WebauthnUser,
} from '#credentials/module.ts';
import { SignInProgress } from '#interaction/module.ts';
import type { Entities } from '#kernel/database.ts';
import { MailQuota } from '#kernel/mail/quota.ts';
import { SigningKey } from '#keys/module.ts';
import { SmsDay } from '#kernel/sms/quota.ts';
import { MailboxMessage } from '#mailbox/module.ts';
import { OidcArtifact } from '#oidc/module.ts';
import { SignInTrace, UsedProofOfWork } from '#risk/module.ts';
import { PendingRegistration } from '#registration/module.ts';
import { Setting } from '#settings/module.ts';
import { AdminLink } from '#setup/module.ts';
import { Contact, User, UserIdentity, UserPicture } from '#users/module.ts';
import { WaitlistEntry } from '#waitlist/module.ts';

/** Every table that is mapped, in one list: the mapper and the test against drift read it. */
export const entities: Entities = [
  AdminLink,
  ApiResource,
  AttemptCounterRow,
  AuditChain,
  AuditDetail,
  AuditEventRow,
  AuditSeal,
  AuditSealKey,
  AuditUnsealed,
  BrandRow,
  Client,
  ClientSecret,
  Consent,
  Contact,
  KnownDevice,
  MailboxMessage,
  MailQuota,
  OidcArtifact,
  OneTimeSecretRow,
  Passkey,
  PasswordCredential,
  PasswordHistoryRow,
  PendingRegistration,
  RecoveryCodeSet,
  RetiredClientId,
  SecondFactorRequest,
  Setting,
  SigningKey,
  SignInProgress,
  SignInTrace,
  SmsDay,
  TotpCredential,
  TotpEnrolment,
  TrustedDeviceRow,
  UsedProofOfWork,
  User,
  UserIdentity,
  UserPicture,
  WebauthnChallenge,
  WebauthnUser,
  WaitlistEntry,
];

import { AuditChain, AuditEventRow } from '#audit/audit-event.ts';
import { ApiResource, Client, ClientSecret, RetiredClientId } from '#clients/module.ts';
import { Consent } from '#consent/module.ts';
import {
  AttemptCounterRow,
  KnownDevice,
  PasswordCredential,
  OneTimeBudgetRow,
  OneTimeSecretRow,
  RecoveryCodeSet,
  TotpCredential,
  TotpEnrolment,
  TrustedDeviceRow,
} from '#credentials/module.ts';
import { SignInProgress } from '#interaction/module.ts';
import type { Entities } from '#kernel/database.ts';
import { MailQuota } from '#kernel/mail/quota.ts';
import { SigningKey } from '#keys/module.ts';
import { MailboxMessage } from '#mailbox/module.ts';
import { SecondFactorRequest } from '#mfa/module.ts';
import { OidcArtifact } from '#oidc/module.ts';
import { Setting } from '#settings/module.ts';
import { AdminLink } from '#setup/module.ts';
import { User } from '#users/module.ts';

/** Every table that is mapped, in one list: the mapper and the test against drift read it. */
export const entities: Entities = [
  ApiResource,
  AdminLink,
  AttemptCounterRow,
  AuditChain,
  AuditEventRow,
  Client,
  ClientSecret,
  Consent,
  KnownDevice,
  MailQuota,
  MailboxMessage,
  OidcArtifact,
  OneTimeBudgetRow,
  OneTimeSecretRow,
  PasswordCredential,
  RecoveryCodeSet,
  RetiredClientId,
  SecondFactorRequest,
  Setting,
  SignInProgress,
  SigningKey,
  TotpCredential,
  TotpEnrolment,
  TrustedDeviceRow,
  User,
];

import { ObjectTurn, StoredAnswer } from '#api/module.ts';
import { AuditChain, AuditDetail, AuditEventRow, AuditSeal, AuditSealKey, AuditUnsealed } from '#audit/audit-tables.ts';
import { BrandRow, ClientLogo, OrganizationBrand } from '#branding/module.ts';
import { ApiResource } from '#applications/apis/module.ts';
import { Client, ClientSecret, RetiredClientId } from '#applications/clients/module.ts';
import { Connection, ConnectionTest, SamlIdentityProvider, UsedUpstreamState } from '#connections/module.ts';
import { Consent } from '#oidc/consents/module.ts';
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
import { SignInProgress } from '#sign-in/interaction/module.ts';
import type { Entities } from '#kernel/database.ts';
import { MailQuota } from '#kernel/mail/quota.ts';
import { SamlKey } from '#saml/keys/module.ts';
import { CertificateWarning } from '#saml/certificates/module.ts';
import { PersistentName, SamlLogout, SamlRequest, SamlSession, ServiceProvider } from '#saml/applications/module.ts';
import { SigningKey } from '#oidc/keys/module.ts';
import { SmsDay } from '#kernel/sms/quota.ts';
import { MailboxMessage } from '#trial/mailbox/module.ts';
import { OidcArtifact } from '#oidc/module.ts';
import { SignInTrace, UsedProofOfWork } from '#sign-in/risk/module.ts';
import { FederationAttempt, UpstreamSession } from '#sign-in/federation/module.ts';
import { PendingRegistration } from '#sign-in/registration/module.ts';
import { PolicyTightening, Setting } from '#settings/module.ts';
import {
  Role,
  RoleAssignment,
  RoleParent,
  UserGroup,
  UserGroupMember,
  UserGroupParent,
} from '#directory/access/module.ts';
import { AdminLink } from '#setup/module.ts';
import { Contact } from '#directory/contacts/module.ts';
import { OrganizationDomain, OrganizationJoin } from '#directory/domains/module.ts';
import { OrganizationClient } from '#directory/organization-clients/module.ts';
import { OrganizationChoice } from '#sign-in/organization/module.ts';
import { OrganizationInvitation } from '#directory/invitations/module.ts';
import { Organization, OrganizationMember, OrganizationSlug } from '#directory/organizations/module.ts';
import { ActivityRow, User, UserPicture } from '#directory/users/module.ts';
import { UserIdentity } from '#directory/identities/module.ts';
import { WaitlistEntry } from '#directory/waitlist/module.ts';

/** Every table that is mapped, in one list: the mapper and the test against drift read it. */
export const entities: Entities = [
  ActivityRow,
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
  ClientLogo,
  Client,
  ClientSecret,
  Connection,
  ConnectionTest,
  SamlIdentityProvider,
  CertificateWarning,
  Consent,
  Contact,
  KnownDevice,
  MailboxMessage,
  MailQuota,
  ObjectTurn,
  OidcArtifact,
  StoredAnswer,
  OneTimeSecretRow,
  Organization,
  OrganizationBrand,
  OrganizationChoice,
  OrganizationClient,
  OrganizationDomain,
  OrganizationInvitation,
  OrganizationJoin,
  OrganizationMember,
  OrganizationSlug,
  Passkey,
  PasswordCredential,
  PasswordHistoryRow,
  PersistentName,
  FederationAttempt,
  PendingRegistration,
  PolicyTightening,
  RecoveryCodeSet,
  RetiredClientId,
  Role,
  RoleAssignment,
  RoleParent,
  SamlLogout,
  SamlRequest,
  SamlSession,
  SecondFactorRequest,
  ServiceProvider,
  Setting,
  SigningKey,
  SamlKey,
  SignInProgress,
  SignInTrace,
  SmsDay,
  TotpCredential,
  TotpEnrolment,
  TrustedDeviceRow,
  UpstreamSession,
  UsedProofOfWork,
  UsedUpstreamState,
  User,
  UserGroup,
  UserGroupMember,
  UserGroupParent,
  UserIdentity,
  UserPicture,
  WebauthnChallenge,
  WebauthnUser,
  WaitlistEntry,
];

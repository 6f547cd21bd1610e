/** Every operation of the product. Loading this list loads no service, so that the command line starts fast. */
import { accountOperations } from '#directory/users/management/account-operations.ts';
import { passwordOperations } from '#credentials/passwords/operations.ts';
import { recoveryOperations } from '#sign-in/recovery/operations.ts';
import { pictureOperations } from '#directory/users/pictures/picture-operations.ts';
import { bulkUserOperations } from '#directory/users/management/bulk-operations.ts';
import { accessOperations } from '#directory/access/operations.ts';
import { identityOperations } from '#account/linked-accounts/operations.ts';
import { meOperations } from '#account/me/operations.ts';
import { auditOperations } from '#audit/operations.ts';
import { eventOperations } from '#audit/event-operations.ts';
import { organizationEventOperations } from '#directory/organizations/event-operations.ts';
import { organizationBrandOperations } from '#branding/organization-operations.ts';
import { brandingOperations } from '#branding/operations.ts';
import { clientBrandOperations } from '#branding/client-operations.ts';
import { apiOperations } from '#applications/apis/operations.ts';
import { apiScopeOperations } from '#applications/apis/scope-operations.ts';
import { clientOperations } from '#applications/clients/operations.ts';
import { clientSecretOperations } from '#applications/clients/secret-operations.ts';
import { claimsPreviewOperations } from '#oidc/told-claims/operations.ts';
import { connectionOperations } from '#connections/operations.ts';
import { organizationConnectionOperations } from '#connections/organization-operations.ts';
import { consentOperations } from '#oidc/consents/operations.ts';
import { credentialOperations } from '#credentials/operations.ts';
import { factorOperations } from '#credentials/factor-operations.ts';
import { trustedBrowserOperations } from '#credentials/trusted-devices/operations.ts';
import { doctorOperations } from '#doctor/operations.ts';
import { databaseOperations } from '#kernel/operations/database.ts';
import { jobOperations } from '#jobs/operations.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import { keyOperations } from '#oidc/keys/operations.ts';
import { emailOperations } from '#directory/contacts/email-operations.ts';
import { phoneNumberOperations } from '#directory/contacts/phone-operations.ts';
import { domainOperations } from '#directory/domains/operations.ts';
import { joinOperations } from '#directory/domains/join-operations.ts';
import { organizationClientOperations } from '#directory/organization-clients/operations.ts';
import { mfaOperations } from '#sign-in/mfa/operations.ts';
import { migrationOperations } from '#migration/operations.ts';
import { memberBulkOperations } from '#directory/organizations/member-bulk-operations.ts';
import { memberOperations } from '#directory/organizations/member-operations.ts';
import { organizationInvitationOperations } from '#directory/invitations/operations.ts';
import { organizationOperations } from '#directory/organizations/operations.ts';
import { organizationPolicyOperations } from '#directory/organizations/policy-operations.ts';
import { registrationTokenOperations } from '#oidc/registration/operations.ts';
import { signInOperations } from '#sign-in/interaction/operations.ts';
import { invitationOperations } from '#sign-in/registration/operations.ts';
import { samlKeyOperations } from '#saml/keys/operations.ts';
import { samlApplicationOperations } from '#saml/applications/operations.ts';
import { sessionOperations } from '#oidc/sessions/operations.ts';
import { settingsOperations } from '#settings/operations.ts';
import { userOperations } from '#directory/users/operations.ts';
import { waitlistOperations } from '#directory/waitlist/operations.ts';

export const operations: readonly Operation[] = [
  databaseOperations,
  doctorOperations,
  jobOperations,
  clientOperations,
  clientSecretOperations,
  samlApplicationOperations,
  claimsPreviewOperations,
  apiOperations,
  apiScopeOperations,
  credentialOperations,
  emailOperations,
  phoneNumberOperations,
  factorOperations,
  trustedBrowserOperations,
  userOperations,
  accountOperations,
  bulkUserOperations,
  pictureOperations,
  passwordOperations,
  recoveryOperations,
  signInOperations,
  organizationOperations,
  memberOperations,
  memberBulkOperations,
  organizationBrandOperations,
  domainOperations,
  joinOperations,
  organizationClientOperations,
  organizationInvitationOperations,
  connectionOperations,
  organizationConnectionOperations,
  mfaOperations,
  invitationOperations,
  migrationOperations,
  waitlistOperations,
  accessOperations,
  identityOperations,
  meOperations,
  sessionOperations,
  consentOperations,
  keyOperations,
  samlKeyOperations,
  registrationTokenOperations,
  organizationPolicyOperations,
  settingsOperations,
  brandingOperations,
  clientBrandOperations,
  auditOperations,
  eventOperations,
  organizationEventOperations,
].flat();

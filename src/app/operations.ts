/** Every operation of the product. Loading this list loads no service, so that the command line starts fast. */
import { auditOperations } from '#audit/operations.ts';
import { brandingOperations } from '#branding/operations.ts';
import { apiOperations } from '#clients/api-operations.ts';
import { clientOperations } from '#clients/operations.ts';
import { consentOperations } from '#consent/operations.ts';
import { credentialOperations } from '#credentials/operations.ts';
import { databaseOperations } from '#kernel/operations/database.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import { keyOperations } from '#keys/operations.ts';
import { mfaOperations } from '#mfa/operations.ts';
import { migrationOperations } from '#migration/operations.ts';
import { registrationTokenOperations } from '#oidc/registration/operations.ts';
import { invitationOperations } from '#registration/operations.ts';
import { sessionOperations } from '#sessions/operations.ts';
import { settingsOperations } from '#settings/operations.ts';
import { userOperations } from '#users/operations.ts';
import { waitlistOperations } from '#waitlist/operations.ts';

export const operations: readonly Operation[] = [
  databaseOperations,
  clientOperations,
  apiOperations,
  credentialOperations,
  userOperations,
  mfaOperations,
  invitationOperations,
  migrationOperations,
  waitlistOperations,
  sessionOperations,
  consentOperations,
  keyOperations,
  registrationTokenOperations,
  settingsOperations,
  brandingOperations,
  auditOperations,
].flat();

import type { EventTypeRow, ShownEventType } from '#audit/module.ts';
import * as access from '#directory/access/events.ts';
import * as account from '#account/events.ts';
import * as audit from '#audit/events.ts';
import * as branding from '#branding/events.ts';
import * as clients from '#applications/clients/events.ts';
import * as connections from '#connections/events.ts';
import * as consent from '#oidc/consents/events.ts';
import * as credentials from '#credentials/events.ts';
import * as domains from '#directory/domains/events.ts';
import * as identities from '#directory/identities/events.ts';
import * as invitations from '#directory/invitations/events.ts';
import * as interaction from '#sign-in/interaction/events.ts';
import * as jobs from '#jobs/events.ts';
import * as keys from '#oidc/keys/events.ts';
import * as samlCertificates from '#saml/certificates/events.ts';
import * as samlKeys from '#saml/keys/events.ts';
import * as migration from '#migration/events.ts';
import * as oidc from '#oidc/events.ts';
import * as organizationClients from '#directory/organization-clients/events.ts';
import * as organizations from '#directory/organizations/events.ts';
import * as passwordless from '#sign-in/passwordless/events.ts';
import * as recovery from '#sign-in/recovery/events.ts';
import * as registration from '#sign-in/registration/events.ts';
import * as risk from '#sign-in/risk/events.ts';
import * as samlApplications from '#saml/applications/events.ts';
import * as settings from '#settings/events.ts';
import * as users from '#directory/users/events.ts';
import { userStatusChanged } from '#directory/users/retired-events.ts';
import * as verification from '#directory/contacts/events.ts';
import * as waitlist from '#directory/waitlist/events.ts';

const slices: readonly Readonly<Record<string, EventTypeRow>>[] = [
  audit,
  jobs,
  settings,
  branding,
  users,
  identities,
  access,
  organizations,
  invitations,
  domains,
  organizationClients,
  clients,
  samlApplications,
  samlCertificates,
  keys,
  samlKeys,
  credentials,
  connections,
  migration,
  oidc,
  interaction,
  risk,
  recovery,
  passwordless,
  verification,
  registration,
  waitlist,
  consent,
  account,
];

/** The catalogue: every event type, in the order of the slices. Readers of events receive it as an argument. */
export const eventTypes: readonly EventTypeRow[] = slices.flatMap((types) => Object.values(types));

/** Every type of events that the log may hold: also those that only earlier releases recorded. */
export const shownEventTypes: readonly ShownEventType[] = [eventTypes, [userStatusChanged]].flat();

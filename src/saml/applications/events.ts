import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const entity = z.strictObject({ entity_id: z.string() });

export const samlApplicationCreated = eventType({
  name: 'saml_application.created',
  text: 'An application that speaks SAML was added.',
  details: entity,
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const samlApplicationChanged = eventType({
  name: 'saml_application.changed',
  text: 'An application that speaks SAML was changed.',
  details: entity.extend({ members: z.array(z.string()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const samlApplicationMetadataChanged = eventType({
  name: 'saml_application.metadata_changed',
  text: 'The metadata of an application that speaks SAML changed: its addresses or its certificates are others now.',
  details: entity.extend({ members: z.array(z.string()) }),
  audience: ['operator'],
  gravity: 'notice',
  webhook: true,
});

export const samlApplicationMetadataFailed = eventType({
  name: 'saml_application.metadata_failed',
  text: 'The metadata of an application that speaks SAML cannot be read again. The last good ones stay in force until their time is over.',
  details: entity.extend({ reason: z.string() }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: true,
});

export const samlApplicationRequestRefused = eventType({
  name: 'saml_application.request_refused',
  text: 'A SAML request that names an application was refused.',
  details: entity.extend({ reason: z.string() }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: false,
});

export const samlApplicationSignedIn = eventType({
  name: 'saml_application.signed_in',
  text: 'A user signed in at an application by SAML.',
  details: entity.extend({ name_id_format: z.string() }),
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const samlApplicationCertificateWarned = eventType({
  name: 'saml_application.certificate_warned',
  text: 'The certificates of an application that speaks SAML end soon, or ended.',
  details: entity.extend({ days_left: z.int(), not_after: z.string() }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: true,
});

export const samlApplicationLogoutRefused = eventType({
  name: 'saml_application.logout_refused',
  text: 'A SAML message of an application about a sign-out was refused.',
  details: entity.extend({ reason: z.string() }),
  audience: ['operator'],
  gravity: 'warning',
  webhook: false,
});

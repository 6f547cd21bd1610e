import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const about = z.strictObject({ domain: z.string(), domain_id: z.string() });

export const organizationDomainAdded = eventType({
  name: 'organization.domain_added',
  text: 'An organization claimed a domain, which is not verified yet.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationDomainVerified = eventType({
  name: 'organization.domain_verified',
  text: 'The DNS record of a domain was found: the organization owns the domain.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationDomainLapsed = eventType({
  name: 'organization.domain_lapsed',
  text: 'The DNS record of a domain was gone: the organization does not own the domain any more.',
  details: about.extend({ reason: z.enum(['missing', 'unreachable', 'taken']) }),
  audience: ['operator', 'organization'],
  gravity: 'warning',
  webhook: true,
});

export const organizationDomainChanged = eventType({
  name: 'organization.domain_changed',
  text: 'It was changed whether users with an email address at a domain may join the organization, or how they sign in.',
  details: about.extend({
    member: z.enum(['joining', 'sign_in', 'connections']),
    before: z.string(),
    after: z.string(),
  }),
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationDomainRemoved = eventType({
  name: 'organization.domain_removed',
  text: 'A domain was removed from an organization.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'notice',
  webhook: true,
});

export const organizationJoinRequested = eventType({
  name: 'organization.join_requested',
  text: 'A user with an email address at a domain of an organization asked to join it.',
  details: z.strictObject({ email: z.string() }),
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

export const organizationJoinRefused = eventType({
  name: 'organization.join_refused',
  text: 'The request of a user to join an organization was refused.',
  audience: ['operator', 'organization', 'person'],
  gravity: 'info',
  webhook: true,
});

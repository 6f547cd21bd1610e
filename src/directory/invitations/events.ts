import { z } from 'zod';
import { eventType } from '#audit/event-type.ts';

const about = z.strictObject({ invitation_id: z.string(), email: z.string(), roles: z.array(z.string()) });

export const organizationMemberInvited = eventType({
  name: 'organization.member_invited',
  text: 'An email address was invited to an organization.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationInvitationResent = eventType({
  name: 'organization.invitation_resent',
  text: 'An invitation to an organization was sent again with a new link, which the actor vouches for.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationInvitationRevoked = eventType({
  name: 'organization.invitation_revoked',
  text: 'An invitation to an organization was revoked.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationInvitationAccepted = eventType({
  name: 'organization.invitation_accepted',
  text: 'An invitation to an organization was accepted.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

export const organizationInvitationDeclined = eventType({
  name: 'organization.invitation_declined',
  text: 'An invitation to an organization was declined.',
  details: about,
  audience: ['operator', 'organization'],
  gravity: 'info',
  webhook: true,
});

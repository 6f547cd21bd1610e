/**
 * consents: the consents of users for clients, stored apart from grants.
 *
 * Owns    the table consent; storing, listing and revoking consents.
 * Leaves  the consent page to sign-in/consent, the authority of a grant to oidc.
 * URLs    none.
 */

export { ConsentService } from './consent-service.ts';
export { Consent } from './consent.ts';

/**
 * consents: what users allow clients to know and do, remembered apart from grants.
 *
 * Owns    the table consent; remembering, listing and revoking consents.
 * Leaves  the page that asks to sign-in/consent, the worth of a grant to oidc.
 * URLs    none.
 */

export { ConsentService } from './consent-service.ts';
export { Consent } from './consent.ts';

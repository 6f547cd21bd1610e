/**
 * organization-clients: machine clients that may act for organizations.
 *
 * Owns    the table organization_client: the machine clients that administrators of organizations allowed.
 * Leaves  the clients to applications/clients, their roles to access, their tokens to oidc.
 * URLs    none.
 */
export { OrganizationClient } from './organization-client.ts';
export { OrganizationClientService } from './organization-client-service.ts';

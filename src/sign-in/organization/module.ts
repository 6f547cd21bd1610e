/**
 * organization: the step that asks for which organization a user signs in.
 *
 * Owns    the table organization_choice: what a user chose last at each client.
 * Leaves  whether the step is due and the organization in tokens to oidc, members to organizations.
 * URLs    none yet.
 */
export { OrganizationChoice, OrganizationChoices } from './organization-choice.ts';

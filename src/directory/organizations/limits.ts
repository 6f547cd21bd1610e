/** Numbers after a slug that is taken. */
export const SUFFIXES = 1_000_000;
/** Characters of a name: it stands in a line of a page. */
export const NAME_LENGTH = 100;
/** Bytes of all metadata of an organization, as JSON: it is read with the organization. */
export const METADATA_BYTES = 16 * 1024;
/** Bytes of the public part, which tokens carry: many servers take 8 KiB of headers. */
export const PUBLIC_METADATA_BYTES = 2 * 1024;
/** Roles of one member, without inherited roles and roles of groups. */
export const MOST_ROLES_OF_MEMBER = 50;
/** Closed organizations that one run of the job erases. */
export const DUE_CLOSINGS_BATCH = 100;
/** Attempts at a slug that is made of the name. With a million suffixes a second one is rare. */
export const SLUG_ATTEMPTS = 8;
/** Organizations in memory, some hundred bytes each. */
export const MOST_KEPT_ORGANIZATIONS = 20_000;
/** Memberships in memory, some hundred bytes each. */
export const MOST_KEPT_MEMBERSHIPS = 50_000;

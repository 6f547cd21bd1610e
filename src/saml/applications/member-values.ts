/** Values that members of an application may have. */

export const logoutBindings = ['redirect', 'post', 'soap'] as const;
export type LogoutBinding = (typeof logoutBindings)[number];

/** The uses of a certificate of the application. */
export const certificateUses = ['signing', 'encryption', 'both'] as const;
export type CertificateUse = (typeof certificateUses)[number];

/** The parts of an answer that we sign. */
export const signedParts = ['response_and_assertion', 'assertion', 'response'] as const;
export type SignedParts = (typeof signedParts)[number];

/** Fields that are never shown again nor kept, by the names that forms of this product give to secrets. */
const secretField = /password|passphrase|secret|token|otp|recovery|credential|^current$|^code$|^csrf$/i;

/** Whether a form field of this name contains a secret, which no page, cookie or log may repeat. */
export const isSecretField = (name: string): boolean => secretField.test(name);

/** Fields that are never shown again nor kept, by the names that forms of this product give to secrets. */
const secretField = /password|passphrase|secret|token|otp|recovery|credential|^current$|^code$|^csrf$/i;

export const isSecretField = (name: string): boolean => secretField.test(name);

/** E-mail addresses are compared without case; unusual ones that differ by case alone are one account. */
export const normaliseEmail = (email: string): string => email.normalize('NFC').toLowerCase();

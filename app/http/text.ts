/** Combining marks that may follow each other (Unicode Standard Annex 15, Stream-Safe Text Format). */
const maxMarks = 30;
const longRun = new RegExp(`(\\p{M}{${maxMarks}})\\p{M}+`, 'gu');

/**
 * Returns text in normalisation form C. Runs of combining marks are cut first, because sorting them takes time that is
 * quadratic in their number; a lone surrogate, which no encoding can store, is replaced.
 */
export const normaliseText = (text: string): string =>
  text.toWellFormed().replace(longRun, '$1').normalize('NFC');

/** Characters of an e-mail address (RFC 5321 4.5.3.1.3). */
export const maxEmailLength = 254;

/** Returns the form in which e-mail addresses are compared. They are ASCII, so case is all that can differ. */
export const normaliseEmail = (email: string): string => email.toLowerCase();

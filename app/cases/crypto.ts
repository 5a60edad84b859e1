import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** The data keys: which one seals, and all that may open. */
export interface DataKeys {
  readonly active: string;
  readonly byId: ReadonlyMap<string, Buffer>;
}

/** A sealed value names a key that is not there, or was not sealed for this place, or was changed. */
export class Unreadable extends Error {}

/** Binds a value to its key and place; `s1`, of releases before, is still opened. */
const version = 's2';
const known: readonly string[] = [version, 's1'];
const ivBytes = 12;
const tagBytes = 16;

/** Where a value is stored: what an older form was bound to, and what this one is. */
export interface Place {
  readonly s1: string;
  readonly s2: string;
}

/**
 * Encrypts a text with AES-256-GCM under the active key: `s2.<key id>.<base64url of iv, ciphertext, tag>`.
 * @param place where it is stored; as associated data it keeps a value from being read anywhere else
 */
export function seal(text: string, place: Place, { active, byId }: DataKeys): string {
  const key = byId.get(active);
  if (key === undefined) throw new Unreadable(`no data key ${active}`);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(associated(version, place, active));
  const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${version}.${active}.${sealed.toString('base64url')}`;
}

/**
 * Decrypts what {@link seal} made for the same place, by whichever key it names.
 * @throws Unreadable
 */
export function open(value: string, place: Place, { byId }: DataKeys): string {
  const [form, id = '', data = ''] = split(value);
  const key = byId.get(id);
  if (form === undefined || !known.includes(form) || key === undefined)
    throw new Unreadable(`no data key ${id.slice(0, 64)} for a stored value`);
  const bytes = Buffer.from(data, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes));
    decipher.setAAD(associated(form, place, id));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    throw new Unreadable('a stored value was changed, or stored elsewhere');
  }
}

/** The id of the key that a value was sealed with. */
export const keyIdOf = (value: string): string => split(value)[1] ?? '';

/** Reports whether a value has the newest form and the active key. */
export const isCurrent = (value: string, { active }: DataKeys): boolean =>
  value.startsWith(`${version}.`) && keyIdOf(value) === active;

/** Key ids may contain dots: the first and the last one separate. */
function split(value: string): [string, string, string] | [] {
  const first = value.indexOf('.');
  const last = value.lastIndexOf('.');
  return first < 0 || first === last
    ? []
    : [value.slice(0, first), value.slice(first + 1, last), value.slice(last + 1)];
}

const associated = (form: string, place: Place, keyId: string): Buffer =>
  Buffer.from(`${form}\0${keyId}\0${form === 's1' ? place.s1 : place.s2}`);

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DataKeys, keyIdOf, open, type Place, seal, Unreadable } from './crypto.ts';

const keys = (active: string, ...ids: string[]): DataKeys => ({
  active,
  byId: new Map(ids.map((id) => [id, randomBytes(32)])),
});

const at = (place: string): Place => ({ s1: `old ${place}`, s2: place });

describe('sealed text', () => {
  const own = keys('2026.11-a', '2026.11-a', 'old');

  test('opens where it was sealed, and is different each time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, place) => {
        const sealed = seal(text, at(place), own);
        expect(open(sealed, at(place), own)).toBe(text);
        expect(seal(text, at(place), own)).not.toBe(sealed);
        expect(keyIdOf(sealed)).toBe('2026.11-a');
      }),
    );
  });

  test('opens nowhere else, under no other key, and not after a change', () => {
    const sealed = seal('a secret', at('alice/1'), own);
    const flipped = `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const attempt of [
      () => open(sealed, at('alice/2'), own),
      () => open(sealed, at('alice/1'), keys('2026.11-a', '2026.11-a')),
      () => open(sealed.replace('2026.11-a', 'old'), at('alice/1'), own),
      () => open(flipped, at('alice/1'), own),
      () => open(sealed.replace('s2.', 's1.'), at('alice/1'), own),
      () => open('nonsense', at('alice/1'), own),
      () => seal('x', at('alice/1'), keys('gone')),
    ]) {
      expect(attempt).toThrow(Unreadable);
    }
  });

  test('of an old key still opens after a rotation', () => {
    const sealed = seal('kept', at('p'), { ...own, active: 'old' });
    expect(open(sealed, at('p'), own)).toBe('kept');
  });
});

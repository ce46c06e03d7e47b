import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KeyTimes, planRotation, servedKeys, signingKey } from './key-schedule.ts';

const LIFETIME = 600_000;

/** Keys as they are after rotations at these times; the first key was made at 0. */
function after(rotations: readonly number[]): KeyTimes[] {
  let keys: KeyTimes[] = [{ kid: 'key-0', activatesAt: 0, expiresAt: undefined }];
  rotations.forEach((now, n) => {
    const { activatesAt, othersExpireAt } = planRotation(now, LIFETIME);
    keys = keys.map((key) => ({ ...key, expiresAt: key.expiresAt ?? othersExpireAt }));
    keys.push({ kid: `key-${n + 1}`, activatesAt, expiresAt: undefined });
  });
  return keys;
}

test('there is always a key that signs, it is served, and it stays served until what it signs has expired', () => {
  const times = fc
    .array(fc.integer({ min: 0, max: 50_000_000 }), { maxLength: 6 })
    .map((all) => all.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 60_000_000 }), (rotations, now) => {
      const known = after(rotations.filter((time) => time <= now));
      const signer = signingKey(known, now);
      expect(signer).toBeDefined();
      // Whatever happens later: when its last token expires the key is still there.
      const later = after(rotations);
      expect(servedKeys(later, now + LIFETIME).map((key) => key.kid)).toContain(signer?.kid);
    }),
  );
});

test('a new key is served before it signs', () => {
  const keys = after([1_000]);
  expect(servedKeys(keys, 1_000).map((key) => key.kid)).toEqual(['key-1', 'key-0']);
  expect(signingKey(keys, 1_000)?.kid).toBe('key-0');
  expect(signingKey(keys, 61_000)?.kid).toBe('key-1');
});

test('an old key goes away', () => {
  expect(servedKeys(after([1_000]), 24 * 3_600_000).map((key) => key.kid)).toEqual(['key-1']);
});

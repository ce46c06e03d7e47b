import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OciError } from './errors.ts';
import {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  type Platform,
  platformDistance,
  selectPlatform,
} from './platform.ts';

function parse(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['Linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/i386', 'linux/386'],
])('%s is %s', (given, normal) => {
  expect(formatPlatform(normalizePlatform(parse(given)))).toBe(normal);
});

test('the host is linux with the name that Go has for the processor', () => {
  expect(formatPlatform(hostPlatform('x64'))).toBe('linux/amd64');
  expect(formatPlatform(hostPlatform('arm64'))).toBe('linux/arm64');
  expect(formatPlatform(hostPlatform('arm', '6'))).toBe('linux/arm/v6');
  expect(formatPlatform(hostPlatform('s390x'))).toBe('linux/s390x');
});

test.each([
  ['linux/amd64', 'linux/amd64', 0],
  ['linux/amd64', 'linux/amd64/v2', undefined],
  ['linux/amd64/v3', 'linux/amd64', 2],
  ['linux/amd64', 'linux/arm64', undefined],
  ['linux/amd64', 'windows/amd64', undefined],
  ['linux/arm64', 'linux/arm64/v8', 0],
  ['linux/arm64', 'linux/arm/v7', undefined],
  ['linux/arm/v7', 'linux/arm/v6', 1],
  ['linux/arm/v7', 'linux/arm', 0],
  ['linux/arm/v6', 'linux/arm/v7', undefined],
  ['linux/amd64', 'linux/amd64/haswell', undefined],
])('a machine of %s is %s away from running %s', (machine, image, distance) => {
  expect(platformDistance(parse(machine), parse(image))).toBe(distance);
});

const platform = fc.record(
  {
    os: fc.constantFrom('linux', 'windows', 'unknown'),
    architecture: fc.constantFrom('amd64', 'x86_64', 'arm64', 'aarch64', 'arm', '386', 's390x', 'unknown'),
    variant: fc.constantFrom('v1', 'v2', 'v3', 'v6', 'v7', 'v8', '8', ''),
  },
  { requiredKeys: ['os', 'architecture'] },
);

test('the chosen entry fits, nothing fits better, and no earlier one fits as well', () => {
  fc.assert(
    fc.property(platform, fc.array(platform, { minLength: 1, maxLength: 8 }), (machine, platforms) => {
      const candidates = platforms.map((each, index) => ({ index, platform: each }));
      const distances = platforms.map((each) => platformDistance(machine, each) ?? Number.POSITIVE_INFINITY);
      const least = Math.min(...distances);
      if (least === Number.POSITIVE_INFINITY) {
        expect(() => selectPlatform(machine, candidates)).toThrow(OciError);
      } else {
        expect(selectPlatform(machine, candidates).index).toBe(distances.indexOf(least));
      }
    }),
  );
});

test('every platform runs its own images, and normalizing twice is normalizing once', () => {
  fc.assert(
    fc.property(platform, (each) => {
      expect(platformDistance(each, each)).toBe(0);
      expect(normalizePlatform(normalizePlatform(each))).toEqual(normalizePlatform(each));
    }),
  );
});

test('an index without a fitting image fails with the list of what it has', () => {
  const candidates = ['linux/arm64', 'linux/arm/v7', 'windows/amd64', 'linux/arm64'].map((text) => ({
    platform: parse(text),
  }));
  expect(() => selectPlatform(parse('linux/amd64'), candidates)).toThrow(
    'no variant for linux/amd64; it has only linux/arm64, linux/arm/v7, windows/amd64',
  );
  expect(() => selectPlatform(parse('linux/amd64'), [])).toThrow('no platform at all');
});

test('an entry without a platform is taken when it is alone, and never before one that fits', () => {
  const [bare, fitting] = [{}, { platform: parse('linux/amd64') }];
  expect(selectPlatform(parse('linux/amd64'), [bare])).toBe(bare);
  expect(selectPlatform(parse('linux/amd64'), [bare, fitting])).toBe(fitting);
  expect(() => selectPlatform(parse('linux/amd64'), [bare, {}])).toThrow('unspecified');
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkImageLimits, type ImageLimits, imageLimitProblem } from './image-limits.ts';

const layer = (name: string, size: number) => ({ digest: `sha256:${name}`, size });
const limits: ImageLimits = { imageBytes: 100, layerBytes: 60, layers: 3 };

test('an image at its limits is taken, and the first byte or layer above is not', () => {
  expect(imageLimitProblem([layer('a', 60), layer('b', 40)], limits)).toBeUndefined();
  expect(imageLimitProblem([layer('a', 61)], limits)).toMatchObject({
    code: 'IMAGE_TOO_LARGE',
    details: { layer: 'sha256:a', bytes: 61, limit: 60 },
  });
  expect(imageLimitProblem([layer('a', 60), layer('b', 41)], limits)).toMatchObject({
    code: 'IMAGE_TOO_LARGE',
    message: 'the image has 101 bytes in 2 layers; the limit is 100',
  });
  expect(
    imageLimitProblem(
      ['a', 'b', 'c', 'd'].map((name) => layer(name, 1)),
      limits,
    ),
  ).toMatchObject({ code: 'TOO_MANY_LAYERS', details: { layers: 4, limit: 3 } });
});

test('a layer that an image has twice is fetched once and counts once', () => {
  expect(imageLimitProblem([layer('a', 60), layer('a', 60)], limits)).toBeUndefined();
});

test('what is refused has the figures of what it is refused for', () => {
  expect(() => checkImageLimits([layer('a', 61)], limits)).toThrow(/has 61 bytes; the limit for one layer is 60/);
});

test('an image is refused exactly when one of its figures is above its limit', () => {
  const image = fc.uniqueArray(fc.record({ id: fc.integer({ min: 0, max: 20 }), size: fc.nat(80) }), {
    selector: ({ id }) => id,
    maxLength: 6,
  });
  fc.assert(
    fc.property(image, (entries) => {
      const layers = entries.map(({ id, size }) => layer(String(id), size));
      const total = layers.reduce((sum, { size }) => sum + size, 0);
      const over = layers.length > 3 || layers.some(({ size }) => size > 60) || total > 100;
      expect(imageLimitProblem(layers, limits) !== undefined).toBe(over);
    }),
  );
});

// @module-tag root
import { beforeAll, expect, test } from 'vitest';
import { DEFAULT_LAYER_LIMITS } from '../tar/limits.ts';
import { assertConfined, identifyDirectory } from './confine.ts';
import { LayerWriter } from './layer-writer.ts';
import { sealHost } from './sealed-host.test-support.ts';

// Nothing here unpacks anything: these are the checks that keep an unconfined thread from doing so.

let dir: string;
beforeAll(() => {
  dir = sealHost();
});

test('a thread whose root is not the layer may not write: the writer itself refuses', () => {
  const order = { directory: dir, layerRoot: identifyDirectory(dir), hostRoot: identifyDirectory('/') };
  const refused = expect.objectContaining({
    code: 'LAYER_STORE_FAILED',
    message: expect.stringContaining('not confined'),
  });
  expect(() => assertConfined(order)).toThrow(refused);
  expect(() => new LayerWriter(DEFAULT_LAYER_LIMITS, order)).toThrow(refused);
});

test("an order that names the host's own root as the layer is refused", () => {
  const order = { directory: '/', layerRoot: identifyDirectory('/'), hostRoot: identifyDirectory('/') };
  expect(() => assertConfined(order)).toThrow(/not confined/);
});

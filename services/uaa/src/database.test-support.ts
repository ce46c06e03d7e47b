import { engines, type TestDatabase } from '@slipway/database/testing';
import { beforeAll, describe } from 'vitest';

let [current] = engines;

/** Runs the tests that `body` makes on every engine; `createTestDatabase` knows which one it is. */
export function onEachEngine(body: () => void): void {
  describe.each(engines)('on $engine', (engine) => {
    beforeAll(() => {
      current = engine;
    });
    body();
  });
}

/** An empty database of the engine that the tests run on. */
export function createTestDatabase(): Promise<TestDatabase> {
  return current.create();
}

import { createLogger } from '@slipway/service-kit';
import { expect, test } from 'vitest';
import { Repeated } from './repeated.ts';

const logger = createLogger('test', 'silent');
const LONG = 3_600_000;

test('it runs at its start and when triggered, one at a time, and once more for what came meanwhile', async () => {
  const gates = [0, 1].map(() => Promise.withResolvers<void>());
  const second = Promise.withResolvers<void>();
  let runs = 0;
  let atOnce = 0;
  const repeated = new Repeated(
    'test',
    async () => {
      runs++;
      atOnce++;
      expect(atOnce).toBe(1);
      if (runs === 2) second.resolve();
      await gates[runs - 1]?.promise;
      atOnce--;
    },
    LONG,
    logger,
  );
  repeated.start();
  for (let i = 0; i < 5; i++) repeated.trigger();
  gates[0]?.resolve();
  await second.promise;
  gates[1]?.resolve();
  await repeated.stop();
  expect(runs).toBe(2);
  repeated.trigger();
  expect(runs).toBe(2);
});

test('a run that fails does not end it', async () => {
  const again = Promise.withResolvers<void>();
  let runs = 0;
  const repeated = new Repeated(
    'test',
    async () => {
      runs++;
      if (runs === 1) throw new Error('once');
      again.resolve();
    },
    1,
    logger,
  );
  repeated.start();
  await again.promise;
  await repeated.stop();
});

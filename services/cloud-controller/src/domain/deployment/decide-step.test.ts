import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canaryShare, weightProblems } from './canary.ts';
import { decideStep, type StepInput, type WebProcess } from './decide-step.ts';

const process = (guid: string, instances: number, more: Partial<WebProcess> = {}): WebProcess => ({
  guid,
  instances,
  routable: instances,
  starting: 0,
  unhealthy: 0,
  ...more,
});
const input = (more: Partial<StepInput> & Pick<StepInput, 'wanted' | 'others'>): StepInput => ({
  state: 'DEPLOYING',
  maxInFlight: 1,
  target: 3,
  canaryWeights: [],
  canaryStep: 1,
  ...more,
});

test('a new instance that serves makes room for the next, and takes the place of an old one', () => {
  const decision = decideStep(input({ wanted: process('new', 1), others: [process('old', 3)] }));
  expect(decision).toEqual({
    scale: [
      { guid: 'new', instances: 2 },
      { guid: 'old', instances: 2 },
    ],
    outcome: 'continue',
    healthy: true,
  });
});

test('nothing moves while a new instance is starting, or down', () => {
  const others = [process('old', 3)];
  const starting = process('new', 1, { routable: 0, starting: 1 });
  expect(decideStep(input({ wanted: starting, others })).scale).toEqual([]);
  const down = process('new', 2, { routable: 1, unhealthy: 1 });
  expect(decideStep(input({ wanted: down, others }))).toEqual({ scale: [], outcome: 'continue', healthy: false });
});

test('what came first goes first', () => {
  const others = [process('interim', 1), process('old', 2)];
  const wanted = process('new', 2);
  expect(decideStep(input({ wanted, others })).scale).toEqual([
    { guid: 'new', instances: 3 },
    { guid: 'interim', instances: 0 },
    { guid: 'old', instances: 1 },
  ]);
});

test('it ends when everything new serves', () => {
  expect(decideStep(input({ wanted: process('new', 3), others: [process('old', 0)] })).outcome).toBe('finish');
  expect(decideStep(input({ target: 0, wanted: process('new', 0), others: [] })).outcome).toBe('finish');
});

test('going back sets what there was at once, and keeps the new ones until it serves', () => {
  const back = process('old', 1, { routable: 1 });
  const others = [process('new', 2)];
  expect(decideStep(input({ state: 'CANCELING', wanted: back, others }))).toMatchObject({
    scale: [{ guid: 'old', instances: 3 }],
    outcome: 'continue',
  });
  const full = process('old', 3);
  expect(decideStep(input({ state: 'CANCELING', wanted: full, others }))).toMatchObject({
    scale: [{ guid: 'new', instances: 0 }],
    outcome: 'finish',
  });
});

test.each([
  [[], 1, 10, 1, 10],
  [[20, 50], 1, 10, 2, 9],
  [[20, 50], 2, 10, 5, 6],
  [[1], 1, 10, 1, 10],
  [[100], 1, 10, 10, 0],
  [[50], 1, 1, 1, 1],
  [[50], 1, 0, 0, 1],
] as const)(
  'weights %j at step %d of %d instances: %d canaries, %d originals',
  (weights, step, target, canaries, originals) => {
    expect(canaryShare(weights, step, target)).toEqual({ canaries, originals });
  },
);

test('weights ascend', () => {
  expect(weightProblems([1, 20, 100])).toEqual([]);
  expect(weightProblems([20, 20])).toHaveLength(1);
});

test('canaries serve, then it waits', () => {
  const share = { state: 'PREPAUSED', target: 10, canaryWeights: [30], maxInFlight: 2 } as const;
  const others = [process('old', 10)];
  expect(decideStep(input({ ...share, wanted: process('new', 2), others }))).toMatchObject({
    scale: [
      { guid: 'new', instances: 3 },
      { guid: 'old', instances: 8 },
    ],
    outcome: 'continue',
  });
  expect(decideStep(input({ ...share, wanted: process('new', 3), others: [process('old', 8)] })).outcome).toBe('pause');
});

/** Runs a deployment to its end in a world where instances start, fail and recover as they like. */
function play(state: 'DEPLOYING' | 'CANCELING', target: number, maxInFlight: number, luck: readonly boolean[]): void {
  const counts = new Map([
    ['wanted', state === 'CANCELING' ? 0 : Math.min(maxInFlight, target)],
    ['first', target > 1 ? 1 : 0],
    ['second', target > 1 ? target - 1 : target],
  ]);
  let serving = 0;
  const old = (guid: string): WebProcess => process(guid, counts.get(guid) ?? 0);
  for (let turn = 0; turn < 4 * target + luck.length + 10; turn++) {
    const instances = counts.get('wanted') ?? 0;
    // One more serves each turn; with bad luck one fails instead.
    const lucky = luck[turn] ?? true;
    serving = lucky ? Math.min(serving + 1, instances) : Math.max(serving - 1, 0);
    const missing = instances - serving;
    const wanted = {
      guid: 'wanted',
      instances,
      routable: serving,
      starting: lucky ? missing : 0,
      unhealthy: lucky ? 0 : missing,
    };
    const before = (counts.get('first') ?? 0) + (counts.get('second') ?? 0);
    const decision = decideStep(input({ state, target, maxInFlight, wanted, others: [old('first'), old('second')] }));
    for (const { guid, instances: set } of decision.scale) counts.set(guid, set);
    const left = (counts.get('first') ?? 0) + (counts.get('second') ?? 0);
    // Instances may die at any time; the step itself takes none that is needed.
    expect(left + serving).toBeGreaterThanOrEqual(Math.min(before + serving, target));
    if (state === 'DEPLOYING')
      expect((counts.get('wanted') ?? 0) - serving).toBeLessThanOrEqual(Math.max(maxInFlight, missing));
    if (decision.outcome === 'finish') {
      expect([serving, counts.get('wanted'), left]).toEqual([target, target, 0]);
      return;
    }
  }
  throw new Error('it never ended');
}

test('no step takes an instance that is needed, never too many are on their way, and it ends', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('DEPLOYING' as const, 'CANCELING' as const),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 25 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      play,
    ),
  );
});

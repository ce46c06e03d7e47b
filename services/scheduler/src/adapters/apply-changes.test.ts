import { keys } from '@slipway/contracts';
import { createLogger } from '@slipway/service-kit';
import { expect, test } from 'vitest';
import { type Others, startCluster } from '../cluster.test-support.ts';
import type { Change } from '../domain/change.ts';
import { keyOf, placement, processGuid, unplaced } from '../domain/model.test-support.ts';
import { type ApplyResult, applyChanges } from './apply-changes.ts';

const logger = createLogger('scheduler', 'silent');
const base = { processGuid: processGuid(1), index: 0 } as const;

async function apply(others: Others, changes: readonly Change[], mayAct = () => true): Promise<[ApplyResult, number]> {
  let applied = 0;
  const result = await applyChanges(others.placements, changes, { mayAct, onApplied: () => applied++, logger });
  return [result, applied];
}

const place = (index: number): Change => {
  const value = placement(1, index, 'cell-1');
  return { ...base, index, reason: 'start', write: { key: keyOf(value), value }, removes: [] };
};

test.concurrent('writes and removes many changes side by side', async (ending) => {
  const { others } = await startCluster(ending);
  const changes = Array.from({ length: 500 }, (_, index) => place(index));
  expect(await apply(others, changes)).toEqual([{ conflicts: 0, failures: 0 }, 500]);
  expect(await others.picture()).toHaveLength(500);
});

test.concurrent('applied twice it changes nothing the second time, and says so', async (ending) => {
  const { others } = await startCluster(ending);
  const revision = await others.placements.put(keys.unplaced(processGuid(1), 0), unplaced(1, 0));
  const change: Change = { ...place(0), removes: [{ key: keys.unplaced(processGuid(1), 0), revision }] };
  expect(await apply(others, [change])).toEqual([{ conflicts: 0, failures: 0 }, 1]);
  const before = await others.records();
  expect(await apply(others, [change])).toEqual([{ conflicts: 1, failures: 0 }, 0]);
  expect(await others.records()).toEqual(before);
});

test.concurrent('nothing is removed when what should take its place was not written', async (ending) => {
  const { others } = await startCluster(ending);
  const old = placement(1, 0, 'cell-2');
  const revision = await others.placements.put(keyOf(old), old);
  const waiting = unplaced(1, 0);
  const seen = await others.placements.put(keyOf(waiting), waiting);
  await others.placements.put(keyOf(waiting), { ...waiting, crashCount: 1 });
  const change: Change = {
    ...base,
    reason: 'back-off',
    write: { key: keyOf(waiting), value: { ...waiting, crashCount: 2 }, over: seen },
    removes: [{ key: keyOf(old), revision }],
  };
  expect(await apply(others, [change])).toEqual([{ conflicts: 1, failures: 0 }, 0]);
  expect(await others.records()).toEqual(expect.arrayContaining([old, { ...waiting, crashCount: 1 }]));
});

test.concurrent('a record that has changed since is not removed', async (ending) => {
  const { others } = await startCluster(ending);
  const old = placement(1, 0, 'cell-2');
  const revision = await others.placements.put(keyOf(old), old);
  await others.placements.put(keyOf(old), { ...old, crashCount: 7 });
  const change: Change = { ...base, reason: 'extra', removes: [{ key: keyOf(old), revision }] };
  expect(await apply(others, [change])).toEqual([{ conflicts: 1, failures: 0 }, 0]);
  expect(await others.records()).toEqual([{ ...old, crashCount: 7 }]);
});

test.concurrent('who loses the lead in the middle stops in the middle', async (ending) => {
  const { others } = await startCluster(ending);
  const old = placement(1, 0, 'cell-2');
  const revision = await others.placements.put(keyOf(old), old);
  let asked = 0;
  const change: Change = { ...place(0), removes: [{ key: keyOf(old), revision }] };
  expect(await apply(others, [change, place(1)], () => asked++ < 1)).toEqual([{ conflicts: 0, failures: 0 }, 0]);
  expect((await others.picture()).filter((told) => told.startsWith('0'))).toEqual(['0 cell-1', '0 cell-2']);
  expect(await others.picture()).toHaveLength(2);
});

import type { Instance, InstanceMetrics, PlacementRecord } from '@slipway/contracts';

export type InstanceUsage = InstanceMetrics['instances'][number];
export type StatsState = 'RUNNING' | 'STARTING' | 'STOPPING' | 'CRASHED' | 'DOWN';

export interface StatsInput {
  /** As the API has it: entries are for its indices only. */
  readonly instances: number;
  /** What the scheduler and the cells say of this process. */
  readonly placements: readonly PlacementRecord[];
  readonly actual: readonly Instance[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface InstanceStats {
  readonly index: number;
  readonly state: StatsState;
  /** Why it is down or crashed. The cf CLI prints it as an error, so a healthy start has none. */
  readonly details: string | null;
  /** What a starting instance is doing. */
  readonly phase: string | null;
  readonly uptimeS: number;
  /** The container behind it. */
  readonly actual: Instance | undefined;
}

/**
 * One entry for each desired instance at every time, so that "nothing known yet" never looks like "nothing to wait
 * for" (cloud_controller_ng `instances_stats_reporter.rb`).
 */
export function processStats(input: StatsInput): InstanceStats[] {
  const actual = Map.groupBy(input.actual, ({ index }) => index);
  const placements = Map.groupBy(input.placements, ({ index }) => index);
  return Array.from({ length: input.instances }, (_, index) =>
    instanceStats(index, placements.get(index) ?? [], actual.get(index) ?? [], input.now),
  );
}

function instanceStats(
  index: number,
  placements: readonly PlacementRecord[],
  all: readonly Instance[],
  now: number,
): InstanceStats {
  const down: InstanceStats = { index, state: 'DOWN', details: null, phase: null, uptimeS: 0, actual: undefined };
  const instance = currentInstance(placements, all);
  const uptimeS = instance === undefined ? 0 : Math.max(0, Math.floor((now - Date.parse(instance.since)) / 1_000));
  if (instance?.state === 'RUNNING') return { ...down, state: 'RUNNING', uptimeS, actual: instance };
  const waiting = placements.find((record) => record.kind === 'unplaced');
  if (waiting?.state === 'CRASHED') {
    return { ...down, state: 'CRASHED', details: waiting.crashReason ?? null, actual: instance };
  }
  if (waiting !== undefined) {
    const details = waiting.placementError ?? null;
    return { ...down, state: details === null ? 'STARTING' : 'DOWN', details };
  }
  const placed = placements.some((record) => record.kind === 'placed');
  if (instance?.state === 'CLAIMED')
    return { ...down, state: 'STARTING', phase: instance.phase ?? null, actual: instance };
  // A container that ended is started anew, or the scheduler says that it will not be: until then it is starting.
  if (placed) return { ...down, state: 'STARTING', actual: instance };
  if (instance?.state === 'STOPPING') return { ...down, state: 'STOPPING', actual: instance };
  if (instance?.state === 'CRASHED') return { ...down, state: 'STARTING', actual: instance };
  return down;
}

const rank: Readonly<Record<Instance['state'], number>> = { RUNNING: 3, CLAIMED: 2, CRASHED: 1, STOPPING: 0 };

/**
 * The one to show when an index has several containers, as while it moves: one that serves before one that starts, then
 * the one that the scheduler wants, then the newest.
 */
function currentInstance(placements: readonly PlacementRecord[], all: readonly Instance[]): Instance | undefined {
  const wanted = new Set(placements.map((record) => (record.kind === 'placed' ? record.instanceGuid : undefined)));
  const order = (a: Instance, b: Instance): number =>
    rank[b.state] - rank[a.state] ||
    Number(wanted.has(b.instanceGuid)) - Number(wanted.has(a.instanceGuid)) ||
    (a.since < b.since ? 1 : a.since > b.since ? -1 : 0) ||
    (a.instanceGuid < b.instanceGuid ? -1 : 1);
  return all.toSorted(order)[0];
}

import type { CellPresence } from '@slipway/contracts';
import { Counter, createMetrics, Gauge, Histogram, type Registry } from '@slipway/service-kit';
import { type Claim, freeCapacity } from './domain/capacity.ts';
import type { LocalInstance } from './domain/decide.ts';
import type { LocalTask } from './domain/decide-tasks.ts';
import type { WantedStatus } from './executor/image-keeper.ts';
import type { FailingStep, StepName } from './executor/instance-deps.ts';
import { kindOf } from './executor/step.ts';

/** What the gauges show, read at each scrape. */
export interface Observed {
  readonly local: ReadonlyMap<string, LocalInstance>;
  readonly tasks: ReadonlyMap<string, LocalTask>;
  readonly routes: number;
  readonly unplaced: number;
  readonly images: readonly WantedStatus[];
  readonly presence: CellPresence | undefined;
}

export interface CellMetrics {
  readonly registry: Registry;
  onStep(step: StepName, ms: number): void;
  onStepFailed(step: FailingStep, error: unknown): void;
  onPrefetched(result: 'fetched' | 'failed'): void;
  /** Of layers in their unpacked form, from other cells or to them. */
  onPeerBytes(direction: 'in' | 'out', bytes: number): void;
}

// From a cached start of some milliseconds to a pull of some minutes.
const STEP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];
const TASK_STATES = ['CLAIMED', 'RUNNING', 'COMPLETED'] as const;
const IMAGE_STATES = ['stored', 'missing', 'failed'] as const;
const STATES = ['CLAIMED', 'RUNNING', 'CRASHED', 'STOPPING'] as const;

export function createCellMetrics(observe: () => Observed): CellMetrics {
  const registry = createMetrics('cell-rep');
  const registers = [registry];
  const seconds = new Histogram({
    name: 'slipway_cell_step_seconds',
    help: 'How long a step of an instance took: pull, create, start, healthy (from start to the first passed check), total (from placement to there), delete',
    labelNames: ['step'],
    buckets: STEP_BUCKETS,
    registers,
  });
  const failures = new Counter({
    name: 'slipway_cell_step_failures_total',
    help: 'Steps that failed, by the kind of error',
    labelNames: ['step', 'kind'],
    registers,
  });
  const starts = new Counter({
    name: 'slipway_cell_starts_total',
    help: 'Processes of instances and tasks that were started',
    registers,
  });
  new Gauge({
    name: 'slipway_cell_instances',
    help: 'Instances of this cell by state',
    labelNames: ['state'],
    registers,
    collect() {
      const states = [...observe().local.values()].map(({ record }) => record.state);
      for (const state of STATES) this.set({ state }, states.filter((s) => s === state).length);
    },
  });
  new Gauge({
    name: 'slipway_cell_tasks',
    help: 'Tasks of this cell by state; completed ones wait for Cloud Controller to take their result',
    labelNames: ['state'],
    registers,
    collect() {
      const states = [...observe().tasks.values()].map(({ state }) => state.state);
      for (const state of TASK_STATES) this.set({ state }, states.filter((s) => s === state).length);
    },
  });
  new Gauge({
    name: 'slipway_cell_wanted_images',
    help: 'Images that this cell keeps for starts to come, by state; of those that failed the log says why',
    labelNames: ['state'],
    registers,
    collect() {
      const states = observe().images.map(({ state }) => state);
      for (const state of IMAGE_STATES) this.set({ state }, states.filter((s) => s === state).length);
    },
  });
  const prefetches = new Counter({
    name: 'slipway_cell_prefetches_total',
    help: 'Images fetched before an instance needed them, by result',
    labelNames: ['result'],
    registers,
  });
  const peerBytes = new Counter({
    name: 'slipway_cell_peer_bytes_total',
    help: 'Bytes of layers, unpacked, that came from other cells (in) and went to them (out)',
    labelNames: ['direction'],
    registers,
  });
  const gauge = (name: string, help: string, value: (observed: Observed) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value(observe()));
      },
    });
  };
  gauge('slipway_cell_routes', 'Routes that this cell registers', ({ routes }) => routes);
  gauge(
    'slipway_cell_unplaced_instances',
    'Containers without placement, kept for their grace time',
    (o) => o.unplaced,
  );
  gauge('slipway_cell_healthy', 'Whether this cell can create containers', ({ presence }) =>
    presence?.healthy ? 1 : 0,
  );
  gauge('slipway_cell_evacuating', 'Whether the instances of this cell are being moved to others', ({ presence }) =>
    presence?.evacuating ? 1 : 0,
  );
  gauge('slipway_cell_containers', 'Containers of this cell, made or being made', (o) => claimsOf(o).length);
  for (const { name, help, of } of SHARES) {
    gauge(`slipway_cell_capacity_${name}`, help, (observed) => of(capacityOf(observed)));
    const free = (observed: Observed): number => of(freeCapacity(capacityOf(observed), claimsOf(observed)));
    gauge(`slipway_cell_free_${name}`, `${help}: what none of them has been promised`, free);
  }
  return {
    registry,
    onStep: (step, ms) => {
      seconds.observe({ step }, ms / 1_000);
      if (step === 'start') starts.inc();
    },
    onPeerBytes: (direction, bytes) => peerBytes.inc({ direction }, bytes),
    onPrefetched: (result) => prefetches.inc({ result }),
    onStepFailed: (step, error) => failures.inc({ step, kind: kindOf(error) }),
  };
}

type Capacity = CellPresence['capacity'];

const SHARES = [
  { name: 'memory_mb', help: 'Memory for instances', of: ({ memoryMb }: Capacity) => memoryMb },
  { name: 'disk_mb', help: 'Disk for instances', of: ({ diskMb }: Capacity) => diskMb },
  { name: 'containers', help: 'Most containers', of: ({ containers }: Capacity) => containers },
] as const;

function capacityOf({ presence }: Observed): Capacity {
  return presence?.capacity ?? { memoryMb: 0, diskMb: 0, containers: 0 };
}

/** Of what has a container, or soon will. */
function claimsOf({ local, tasks }: Observed): readonly Claim[] {
  const instances = [...local.values()].filter(({ contained }) => contained);
  const resources = [...instances.map(({ lrp }) => lrp), ...[...tasks.values()].map(({ task }) => task)];
  return resources.flatMap((each) => (each === undefined ? [] : [each.resources]));
}

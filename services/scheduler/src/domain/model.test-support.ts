import {
  type CellPresence,
  type DesiredLrp,
  type DesiredTask,
  type DomainFreshness,
  type Instance,
  keys,
  type Placement,
  type PlacementRecord,
  type TaskPlacement,
  type TaskRecord,
  type TaskState,
  type Unplaced,
} from '@slipway/contracts';
import type { Change, TaskChange } from './change.ts';
import type { ClusterState, Entry, Now, Recovery } from './cluster-state.ts';
import { type Decision, decide } from './decide.ts';

/** The moment at which tests decide, unless they say another. */
export const NOW: Now = { wallMs: Date.parse('2026-06-01T12:00:00.000Z'), monotonicMs: 1_000_000 };
export const at = (msAgo: number): string => new Date(NOW.wallMs - msAgo).toISOString();

const hex = (n: number, length: number): string => n.toString(16).padStart(length, '0');
export const guid = (n: number): string => `${hex(n, 8)}-0000-4000-8000-000000000000`;
export const processGuid = (n: number): string => `${guid(n)}-${guid(n)}`;

const DIGEST = `sha256:${'0'.repeat(64)}`;

export function lrp(n: number, change: Partial<DesiredLrp> & { memoryMb?: number; diskMb?: number } = {}): DesiredLrp {
  const { memoryMb = 100, diskMb = 100, ...fields } = change;
  return {
    v: 1,
    processGuid: processGuid(n),
    domain: 'cf-apps',
    updatedAt: at(0),
    instances: 1,
    app: {
      guid: guid(n),
      name: `app-${n}`,
      spaceGuid: guid(0),
      spaceName: 'space',
      organizationGuid: guid(0),
      organizationName: 'org',
    },
    process: { guid: guid(n), type: 'web' },
    image: {
      reference: 'registry.example/app:1',
      registry: 'registry.example',
      repository: 'app',
      manifestDigest: DIGEST,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform: { os: 'linux', architecture: 'amd64' },
      config: { digest: DIGEST, size: 1 },
      layers: [],
    },
    action: { argv: ['/app'], workdir: '/', user: 'root', imageEnv: [], environment: {} },
    ports: [8080],
    resources: { memoryMb, diskMb, cpuWeight: 10, maxPids: 1024, nofile: 16_384, logRateBytesPerSecond: -1 },
    healthCheck: { type: 'process' },
    startTimeoutMs: 60_000,
    routes: [],
    placementTags: [],
    log: { sourceId: guid(n), sourceType: 'APP/PROC/WEB' },
    metricTags: {},
    ...fields,
  };
}

/** With the shape of an LRP; `n` is in its guid. */
export function task(
  n: number,
  { cellId, cancel = false, ...change }: Parameters<typeof lrp>[1] & { cellId?: string; cancel?: boolean } = {},
): DesiredTask {
  const { app, image, action, resources, placementTags, metricTags } = lrp(n, change);
  return {
    v: 1,
    kind: 'desired',
    taskGuid: guid(n),
    name: `task-${n}`,
    createdAt: at(0),
    app,
    image,
    action,
    resources,
    placementTags,
    log: { sourceId: guid(n), sourceType: `APP/TASK/task-${n}` },
    metricTags,
    ...(cellId === undefined ? {} : { cellId }),
    cancel,
  };
}

export function taskState(n: number, cellId: string, state: TaskState['state']): TaskState {
  const result = state === 'COMPLETED' ? { result: { failed: false, exitStatus: 0 } } : {};
  return { v: 1, kind: 'state', taskGuid: guid(n), cellId, state, since: at(0), ...result };
}

export function cell(cellId: string, change: Partial<CellPresence> = {}): CellPresence {
  return {
    v: 1,
    cellId,
    epoch: 'e',
    startedAt: at(1_000_000),
    renewedAt: at(0),
    address: '127.0.0.1',
    zone: 'z1',
    platform: { os: 'linux', architecture: 'amd64' },
    capacity: { memoryMb: 1_000, diskMb: 1_000, containers: 10 },
    placementTags: [],
    optionalPlacementTags: [],
    evacuating: false,
    healthy: true,
    starting: 0,
    ...change,
  };
}

export function placement(n: number, index: number, cellId: string, change: Partial<Placement> = {}): Placement {
  return {
    v: 1,
    kind: 'placed',
    processGuid: processGuid(n),
    index,
    instanceGuid: guid(1_000 * n + index),
    cellId,
    crashCount: 0,
    placedAt: at(60_000),
    memoryMb: 100,
    diskMb: 100,
    ...change,
  };
}

export function instanceOf(placed: Placement, change: Partial<Instance> = {}): Instance {
  const state = change.state ?? 'RUNNING';
  return {
    v: 1,
    instanceGuid: placed.instanceGuid,
    processGuid: placed.processGuid,
    index: placed.index,
    cellId: placed.cellId,
    state,
    since: at(30_000),
    routable: state === 'RUNNING',
    ...change,
  };
}

export function crashedOf(placed: Placement, ranMs = 1_000): Instance {
  const crash = { phase: 'run', reason: 'Exited with status 1', outOfMemory: false, ranMs } as const;
  return instanceOf(placed, { state: 'CRASHED', crash });
}

export function unplaced(n: number, index: number, change: Partial<Unplaced> = {}): Unplaced {
  return {
    v: 1,
    kind: 'unplaced',
    processGuid: processGuid(n),
    index,
    state: 'UNCLAIMED',
    crashCount: 0,
    since: at(10_000),
    ...change,
  };
}

interface Contents {
  readonly lrps?: readonly DesiredLrp[];
  readonly placements?: readonly PlacementRecord[];
  readonly instances?: readonly Instance[];
  readonly cells?: readonly CellPresence[];
  readonly cellAges?: Readonly<Record<string, number>>;
  /** Age of the domain's marker; absent: there is none. */
  readonly domainAge?: number | undefined;
  readonly invalid?: readonly string[];
  readonly removed?: readonly string[];
  readonly withdrawn?: readonly string[];
  readonly fresh?: boolean;
  /** How long we have listened to cells; absent: for ever. */
  readonly listenedFor?: number | undefined;
  readonly recovery?: Recovery | undefined;
}

/** A cluster in memory, which can be decided on and changed. */
export class Model {
  readonly desired = new Map<string, Entry<DesiredLrp | DomainFreshness>>();
  readonly placements = new Map<string, Entry<PlacementRecord>>();
  readonly instances = new Map<string, Entry<Instance>>();
  readonly tasks = new Map<string, Entry<TaskRecord>>();
  readonly cells = new Map<string, Entry<CellPresence>>();
  readonly cellsSeenAt = new Map<string, number>();
  readonly invalidDesired: Set<string>;
  readonly removedPlacements: Set<string>;
  readonly withdrawnCells: Set<string>;
  now: Now = NOW;
  fresh: boolean;
  silenceCountsFrom: number | undefined;
  recovery: Recovery | undefined;
  #revision = 0;
  #guids = 0x10_0000;

  constructor(contents: Contents = {}) {
    for (const value of contents.lrps ?? []) this.desire(value);
    for (const value of contents.placements ?? []) this.put(this.placements, keyOf(value), value);
    for (const value of contents.instances ?? []) this.report(value);
    for (const value of contents.cells ?? []) this.present(value, contents.cellAges?.[value.cellId] ?? 0);
    if (contents.domainAge !== undefined) this.refreshDomain(contents.domainAge);
    this.invalidDesired = new Set(contents.invalid);
    this.removedPlacements = new Set(contents.removed);
    this.withdrawnCells = new Set(contents.withdrawn);
    this.fresh = contents.fresh ?? true;
    this.silenceCountsFrom = this.fresh ? NOW.monotonicMs - (contents.listenedFor ?? 500_000) : undefined;
    this.recovery = contents.recovery;
  }

  put<T>(map: Map<string, Entry<T>>, key: string, value: T, age = 0): void {
    map.set(key, { value, revision: ++this.#revision, receivedAt: this.now.monotonicMs - age });
  }

  desire(value: DesiredLrp): void {
    this.put(this.desired, keys.desiredLrp(value.processGuid), value);
  }

  refreshDomain(age = 0): void {
    const refreshedAt = new Date(this.now.wallMs - age).toISOString();
    const value = { v: 1, domain: 'cf-apps', refreshedAt, ttlMs: 120_000, lrpCount: 0 } as const;
    this.put(this.desired, keys.domain('cf-apps'), value, age);
  }

  report(value: Instance): void {
    this.put(this.instances, keys.instance(value.cellId, value.instanceGuid), value);
  }

  present(value: CellPresence, age = 0): void {
    this.put(this.cells, value.cellId, value, age);
    this.cellsSeenAt.set(value.cellId, this.now.monotonicMs - age);
  }

  desireTask(value: DesiredTask): void {
    this.put(this.tasks, keys.desiredTask(value.taskGuid), value);
  }

  /** What the scheduler said of a task. */
  said(taskGuid: string): TaskPlacement | undefined {
    const value = this.tasks.get(keys.taskPlacement(taskGuid))?.value;
    return value?.kind === 'placed' || value?.kind === 'refused' || value?.kind === 'failed' ? value : undefined;
  }

  reportTask(value: TaskState): void {
    this.put(this.tasks, keys.taskState(value.cellId, value.taskGuid), value);
  }

  /** As the bucket would. */
  applyToTasks(changes: readonly TaskChange[]): void {
    for (const { write, removes } of changes) {
      if (write !== undefined) {
        if (this.tasks.get(write.key)?.revision !== write.over) continue;
        this.put(this.tasks, write.key, write.value);
      }
      for (const { key, revision } of removes) {
        if (revision === undefined || this.tasks.get(key)?.revision === revision) this.tasks.delete(key);
      }
    }
  }

  /** Decides and applies; what was said of tasks, for short: `place 1 on cell-1`. */
  stepTasks(): string[] {
    const { changes, taskChanges } = this.decide();
    this.apply(changes);
    this.applyToTasks(taskChanges);
    return taskChanges
      .map(({ reason, taskGuid, write }) => {
        const value = write?.value;
        const what = value?.kind === 'placed' ? ` on ${value.cellId}` : value === undefined ? '' : `: ${value.reason}`;
        return `${reason} ${Number.parseInt(taskGuid.slice(0, 8), 16)}${what}`;
      })
      .sort();
  }

  pass(ms: number): void {
    this.now = { wallMs: this.now.wallMs + ms, monotonicMs: this.now.monotonicMs + ms };
  }

  get state(): ClusterState {
    return this;
  }

  decide(): Decision {
    let guids = this.#guids;
    return decide(this.state, this.now, () => guid(guids++));
  }

  /** As the bucket would: a write over another revision, or a removal of one, does nothing. */
  apply(changes: readonly Change[]): void {
    for (const { write, removes } of changes) {
      this.#guids++;
      if (write !== undefined) {
        if (this.placements.get(write.key)?.revision !== write.over) continue;
        this.put(this.placements, write.key, write.value);
        this.removedPlacements.delete(write.key);
      }
      for (const { key, revision } of removes) {
        if (revision !== undefined && this.placements.get(key)?.revision !== revision) continue;
        this.placements.delete(key);
        this.removedPlacements.add(key);
      }
    }
  }

  /** Decides, applies, and returns what was changed, for short: `start 1/0 on cell-1`. */
  step(): string[] {
    const { changes, recovering } = this.decide();
    const told = changes.map((change) => this.tell(change));
    this.apply(changes);
    if (!recovering) this.recovery = undefined;
    return told.sort();
  }

  tell({ reason, processGuid: process, index, write, removes }: Change): string {
    const name = `${Number.parseInt(process.slice(0, 8), 16)}/${index}`;
    const on = write?.value.kind === 'placed' ? ` on ${write.value.cellId}` : '';
    const from = removes
      .map(({ key }) => key.split('.'))
      .filter(([kind]) => kind === 'placed')
      .map(([, cellId]) => ` off ${cellId}`);
    return `${reason} ${name}${on}${from.join('')}`;
  }

  /** Placements as `1/0 cell-1`, waiting ones as `1/0 CRASHED`. */
  get picture(): string[] {
    return [...this.placements.values()]
      .map(({ value }) => {
        const name = `${Number.parseInt(value.processGuid.slice(0, 8), 16)}/${value.index}`;
        return `${name} ${value.kind === 'placed' ? value.cellId : value.state}`;
      })
      .sort();
  }

  placementOn(cellId: string): Placement {
    for (const { value } of this.placements.values()) {
      if (value.kind === 'placed' && value.cellId === cellId) return value;
    }
    throw new Error(`nothing is placed on ${cellId}`);
  }

  waiting(n: number, index: number): Unplaced | undefined {
    const record = this.placements.get(keys.unplaced(processGuid(n), index))?.value;
    return record?.kind === 'unplaced' ? record : undefined;
  }
}

export function keyOf(record: PlacementRecord): string {
  return record.kind === 'placed'
    ? keys.placed(record.cellId, record.instanceGuid)
    : keys.unplaced(record.processGuid, record.index);
}

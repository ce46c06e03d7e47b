import { Counter, createMetrics, Gauge, Histogram, type Registry } from '@slipway/service-kit';

export interface SchedulerMetrics {
  readonly registry: Registry;
  readonly passes: Counter<'result'>;
  readonly decideSeconds: Histogram;
  readonly changes: Counter<'reason'>;
  readonly conflicts: Counter;
  readonly failures: Counter;
  readonly cells: Gauge<'status'>;
  readonly held: Gauge;
  readonly stranded: Gauge;
}

export interface Observed {
  readonly leads: () => boolean;
  /** How many records of each kind the placements bucket holds. */
  readonly countPlacements: () => { readonly placed: number; readonly unclaimed: number; readonly crashed: number };
}

const PREFIX = 'slipway_scheduler';

/** Only the leader's figures of decisions mean anything; those of the buckets every scheduler knows. */
export function createSchedulerMetrics(observed: Observed): SchedulerMetrics {
  const registry = createMetrics('scheduler');
  const registers = [registry];
  new Gauge({
    name: `${PREFIX}_leader`,
    help: '1 on the scheduler that acts',
    registers,
    collect() {
      this.set(observed.leads() ? 1 : 0);
    },
  });
  new Gauge({
    name: `${PREFIX}_placements`,
    help: 'Placed instances',
    registers,
    collect() {
      this.set(observed.countPlacements().placed);
    },
  });
  new Gauge({
    name: `${PREFIX}_unplaced`,
    help: 'Indices that wait: UNCLAIMED for capacity, CRASHED for their next start',
    labelNames: ['state'],
    registers,
    collect() {
      const { unclaimed, crashed } = observed.countPlacements();
      this.set({ state: 'UNCLAIMED' }, unclaimed);
      this.set({ state: 'CRASHED' }, crashed);
    },
  });
  return {
    registry,
    passes: new Counter({
      name: `${PREFIX}_passes_total`,
      help: 'Passes over the whole state',
      labelNames: ['result'],
      registers,
    }),
    decideSeconds: new Histogram({
      name: `${PREFIX}_decide_seconds`,
      help: 'Time to decide, without applying',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    changes: new Counter({
      name: `${PREFIX}_changes_total`,
      help: 'Changes applied',
      labelNames: ['reason'],
      registers,
    }),
    conflicts: new Counter({
      name: `${PREFIX}_conflicts_total`,
      help: 'Changes not applied because the record had changed',
      registers,
    }),
    failures: new Counter({
      name: `${PREFIX}_failures_total`,
      help: 'Changes whose write NATS did not acknowledge',
      registers,
    }),
    cells: new Gauge({ name: `${PREFIX}_cells`, help: 'Cells by status', labelNames: ['status'], registers }),
    held: new Gauge({
      name: `${PREFIX}_held`,
      help: 'Indices not started because they may be running: the store was lost',
      registers,
    }),
    stranded: new Gauge({
      name: `${PREFIX}_stranded`,
      help: 'Instances on lost or evacuating cells without room elsewhere',
      registers,
    }),
  };
}

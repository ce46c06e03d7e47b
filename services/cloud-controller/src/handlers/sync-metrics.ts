import { Gauge, Histogram, type Registry } from '@slipway/service-kit';

/** How the full pass over what is desired of one kind (`lrp`, `task`) does. */
export class SyncMetrics {
  readonly duration: Histogram;
  readonly desired: Gauge;
  readonly broken: Gauge;
  readonly lastComplete: Gauge;

  constructor(registry: Registry, kind: string) {
    const registers = [registry];
    this.duration = new Histogram({
      name: `slipway_${kind}_sync_duration_seconds`,
      help: `Full pass over the desired ${kind}s`,
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
      registers,
    });
    this.desired = new Gauge({ name: `slipway_desired_${kind}s`, help: `Each ${kind} that shall run`, registers });
    this.broken = new Gauge({
      name: `slipway_broken_${kind}s`,
      help: `Each ${kind} whose record cannot be made; the log says why`,
      registers,
    });
    this.lastComplete = new Gauge({
      name: `slipway_${kind}_sync_complete_timestamp_seconds`,
      help: 'Last full pass without an error',
      registers,
    });
  }
}

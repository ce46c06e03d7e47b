import { Gauge, Histogram, type Registry } from '@slipway/service-kit';

/** How the full pass over the desired LRPs does. */
export class SyncMetrics {
  readonly duration: Histogram;
  readonly lrps: Gauge;
  readonly broken: Gauge;
  readonly lastComplete: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.duration = new Histogram({
      name: 'slipway_lrp_sync_duration_seconds',
      help: 'Full pass over the desired LRPs',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
      registers,
    });
    this.lrps = new Gauge({ name: 'slipway_desired_lrps', help: 'Processes that shall run', registers });
    this.broken = new Gauge({
      name: 'slipway_broken_lrps',
      help: 'Processes whose record cannot be made; the log says why',
      registers,
    });
    this.lastComplete = new Gauge({
      name: 'slipway_lrp_sync_complete_timestamp_seconds',
      help: 'Last full pass without an error',
      registers,
    });
  }
}

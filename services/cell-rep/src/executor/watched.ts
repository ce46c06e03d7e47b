import type { DesiredLrp } from '@slipway/contracts';
import type { InstanceLog } from './instance-log.ts';
import type { Container } from './ports.ts';

/** A started process, and whom to tell of it. */
export interface Watched {
  readonly lrp: () => DesiredLrp;
  readonly container: Container;
  /** Of its process, wall-clock milliseconds. */
  readonly startedAt: number;
  /** It was RUNNING when the rep before this one left it. */
  readonly wasRunning: boolean;
  /** And routes led to it. */
  readonly wasRoutable: boolean;
  readonly log: InstanceLog;
  readonly onRunning: () => Promise<void>;
  readonly onReadiness: (ready: boolean) => Promise<void>;
}

import type { LogLine } from '@slipway/bus';
import type { Instance, RouterRegister } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import type { LogLimits } from '../domain/log-rate-limiter.ts';
import type { Containers, HealthProbe } from './ports.ts';
import type { Semaphore } from './semaphore.ts';

/**
 * What is timed and counted; `healthy` is from the start of the process to the first passed check, `total` from the
 * placement to there.
 */
export type StepName = FailingStep | 'total';
export type FailingStep = 'pull' | 'create' | 'start' | 'healthy' | 'delete';

/** What every instance of a cell shares. */
export interface InstanceDeps {
  readonly cellId: string;
  readonly zone: string;
  readonly containers: Containers;
  readonly probe: HealthProbe;
  readonly logger: Logger;
  /** Bounds how many containers are created at once. */
  readonly creating: Semaphore;
  readonly timeouts: {
    readonly pullMs: number;
    readonly createMs: number;
    readonly startMs: number;
    readonly deleteMs: number;
  };
  readonly emitLog: (line: LogLine) => void;
  /** Undefined when there is room for more lines of the instance, else wait for it. */
  readonly logRoom: (instance: Pick<LogLine, 'sourceId' | 'instanceId'>) => Promise<void> | undefined;
  readonly logLimits: LogLimits;
  readonly setRoutes: (instanceGuid: string, routes: readonly RouterRegister[]) => void;
  /** Resolves when the routers should know what was unregistered, or soon in any case. */
  readonly flushRoutes: () => Promise<void>;
  readonly records: {
    set(record: Instance): void;
    /** The bucket is said to have another: sets it again, unless that is only not yet seen. */
    repair(record: Instance): void;
    remove(instanceGuid: string): void;
    /** NATS has what was last set. */
    settled(instanceGuid: string, signal: AbortSignal): Promise<void>;
  };
  readonly onStep: (step: StepName, ms: number) => void;
  readonly onStepFailed: (step: FailingStep, error: unknown) => void;
  /** The record changed, or the container is gone. */
  readonly onChange: () => void;
}

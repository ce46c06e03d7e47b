import type { GardenOptions } from '@slipway/garden';
import type { Config } from './config.ts';
import type { InstanceDeps } from './executor/instance-deps.ts';

/** Of the steps of an instance. */
export function stepTimeouts(config: Config): InstanceDeps['timeouts'] {
  return {
    pullMs: config.PULL_TIMEOUT_MS,
    createMs: config.CREATE_TIMEOUT_MS,
    startMs: config.START_TIMEOUT_MS,
    deleteMs: config.DELETE_TIMEOUT_MS,
  };
}

/** Of what the runtime and the kernel do in them. */
export function containerDeadlines(config: Config): NonNullable<GardenOptions['deadlines']> {
  return {
    createMs: config.CREATE_TIMEOUT_MS,
    startMs: config.START_TIMEOUT_MS,
    removeMs: config.DELETE_TIMEOUT_MS,
  };
}

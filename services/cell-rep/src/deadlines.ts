import type { Config } from './config.ts';

/** Of the steps of an instance. */
export function stepTimeouts(config: Config) {
  return {
    pullMs: config.PULL_TIMEOUT_MS,
    createMs: config.CREATE_TIMEOUT_MS,
    startMs: config.START_TIMEOUT_MS,
    deleteMs: config.DELETE_TIMEOUT_MS,
  } as const;
}

/** Of what the runtime and the kernel do in them. */
export function containerDeadlines(config: Config) {
  return {
    createMs: config.CREATE_TIMEOUT_MS,
    startMs: config.START_TIMEOUT_MS,
    removeMs: config.DELETE_TIMEOUT_MS,
  } as const;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@slipway/service-kit';
import type { LocalInstance } from '../domain/decide.ts';
import type { LocalTask } from '../domain/decide-tasks.ts';

/** Diego looks every 10 s; here it costs nothing to look often, and the process ends as soon as it may. */
const LOOK_MS = 200;

export interface DrainOptions {
  readonly timeoutMs: number;
  readonly instances: () => ReadonlyMap<string, LocalInstance>;
  readonly tasks: () => ReadonlyMap<string, LocalTask>;
  /** Says in an instance's log what becomes of it. */
  readonly tell: (instanceGuid: string, what: string) => void;
  /** The cell is evacuating from now on: whoever places work is to hear it. */
  readonly onBegin: () => void;
  readonly logger: Logger;
}

/**
 * Diego's evacuation. The cell says that it is evacuating, and goes on: the scheduler gives it nothing new, starts each
 * instance elsewhere, and takes the placement here back when that one runs, so that an instance leaves with its
 * replacement in place. Tasks run to their ends, and until their results were taken. Resolves when nothing is left, or
 * after the time that there is for it; what is left then is the caller's to end.
 */
export async function drainCell(options: DrainOptions): Promise<void> {
  const { timeoutMs, tell, onBegin, logger } = options;
  const began = performance.now();
  logger.info(left(options), 'cell.drain');
  onBegin();
  for (const guid of contained(options)) tell(guid, 'requesting replacement for instance');
  while (contained(options).length > 0 || options.tasks().size > 0) {
    if (performance.now() - began > timeoutMs) {
      for (const guid of contained(options)) tell(guid, 'reached evacuation timeout for instance');
      logger.warn({ ...left(options), timeoutMs }, 'cell.drain-timeout');
      return;
    }
    await delay(LOOK_MS);
  }
  logger.info('cell.drained');
}

/** Instances that have, or may yet have, a container here. */
function contained({ instances }: Pick<DrainOptions, 'instances'>): string[] {
  return [...instances()].filter(([, instance]) => instance.contained).map(([guid]) => guid);
}

function left(options: DrainOptions): { readonly instances: number; readonly tasks: number } {
  return { instances: contained(options).length, tasks: options.tasks().size };
}

import { join } from 'node:path';
import { asGardenError } from '../errors.ts';
import type { CellContext } from './cell-context.ts';
import { pastDeadline } from './deadlines.ts';
import { releaseInit } from './release-init.ts';

const STEP = 'start:runtime';

/**
 * Has the init of a created container execute the app: by its exec FIFO, as `runc start` would after the 10 ms that it takes
 * to get there, or by `runc start` where there is none. `ended` is when the container has.
 * @throws GardenError RUNTIME_FAILED, RUNTIME_TIMEOUT
 */
export async function startInit(context: CellContext, handle: string, ended: Promise<unknown>): Promise<void> {
  const { programs, paths, run, deadlines, onStep } = context;
  const timeoutMs = deadlines.startMs;
  onStep(STEP, handle);
  const late = AbortSignal.timeout(timeoutMs);
  const gone = new AbortController();
  void ended.then(() => gone.abort(new Error('its init has ended')));
  try {
    const fifo = join(paths.runcRoot, handle, 'exec.fifo');
    if (await releaseInit(fifo, AbortSignal.any([late, gone.signal]))) return;
  } catch (error) {
    if (late.aborted) throw pastDeadline({ step: STEP, phase: 'start', what: "the init's exec" }, timeoutMs, error);
    throw asGardenError(error, 'RUNTIME_FAILED', 'start', `The container ${handle} could not be started`);
  }
  const command = ['--root', paths.runcRoot, 'start', handle];
  await run(programs.runc, command, { phase: 'start', step: STEP, what: 'runc start', timeoutMs });
}

import { Socket } from 'node:net';

/** Why this process shall stop. */
export class StopRequested extends Error {
  /** Of a stop that came before the work was done: 128 plus the number of SIGINT. */
  readonly exitStatus = 130;

  constructor(reason: string) {
    super(`stopped by ${reason}`);
    this.name = 'StopRequested';
  }
}

/**
 * Aborts at SIGINT, SIGTERM or SIGHUP, and when the bootstrap that started this process is gone (it holds the other end
 * of the pipe SLIPWAY_LIFELINE_FD). Later signals change nothing: a stop is under way.
 */
export function listenForStop(): AbortSignal {
  const controller = new AbortController();
  const stop = (reason: string): void => {
    if (!controller.signal.aborted) controller.abort(new StopRequested(reason));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  const descriptor = process.env.SLIPWAY_LIFELINE_FD;
  if (descriptor !== undefined) {
    // Not for children: their descriptor 3 is something else.
    delete process.env.SLIPWAY_LIFELINE_FD;
    const lifeline = new Socket({ fd: Number(descriptor), readable: true, writable: false });
    lifeline.once('close', () => stop('the end of the process that started it'));
    lifeline.on('error', () => lifeline.destroy());
    lifeline.resume();
    lifeline.unref();
  }
  return controller.signal;
}

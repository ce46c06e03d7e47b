import type { Logger } from './logger.ts';

export interface App {
  start(): Promise<void>;
  /** Idempotent; also stops a start that is under way. `failed`: its start did, or an error went uncaught. */
  stop(why?: 'told' | 'failed'): Promise<void>;
}

export interface RunOptions {
  /** A stop that takes longer ends the process with status 1. */
  readonly stopDeadlineMs?: number;
  /** For tests. */
  readonly process?: NodeJS.Process;
}

const STOP_DEADLINE_MS = 20_000;

/**
 * Runs a service until SIGTERM or SIGINT: start, wait, stop, exit. A failed start exits with status 1, an uncaught
 * error too, after it was logged: the supervisor starts the service anew, and state is rebuilt at each start.
 */
export async function runService(app: App, logger: Logger, options: RunOptions = {}): Promise<void> {
  const proc = options.process ?? process;
  let stopping = false;
  const stop = (reason: string, status: number): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'service.stopping');
    const deadline = setTimeout(() => {
      logger.error({ reason }, 'service.stop-deadline');
      proc.exit(1);
    }, options.stopDeadlineMs ?? STOP_DEADLINE_MS);
    app.stop(status === 0 ? 'told' : 'failed').then(
      () => {
        clearTimeout(deadline);
        logger.info('service.stopped');
        proc.exit(status);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'service.stop-failed');
        proc.exit(1);
      },
    );
  };
  proc.on('SIGTERM', () => stop('SIGTERM', 0));
  proc.on('SIGINT', () => stop('SIGINT', 0));
  const fatal = (error: unknown): void => {
    logger.fatal({ err: error }, 'service.uncaught');
    stop('uncaught error', 1);
  };
  proc.on('uncaughtException', fatal);
  proc.on('unhandledRejection', fatal);
  try {
    await app.start();
    if (!stopping) logger.info('service.started');
  } catch (error) {
    if (stopping) return;
    logger.fatal({ err: error }, 'service.start-failed');
    stop('start failed', 1);
  }
}

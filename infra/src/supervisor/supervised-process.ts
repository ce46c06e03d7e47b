import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { backOffMs } from './back-off.ts';
import { launchCommand } from './launch-command.ts';
import type { ProcessSpec, ProcessStatus } from './process-spec.ts';
import { untilReady } from './ready-check.ts';

/** A process that ran this long before it ended is not failing again and again: it is started anew at once. */
const HEALTHY_MS = 10_000;
/** At the first start: what ends this often without ever having been ready, never will be. */
const MAX_FIRST_FAILURES = 3;
const KEPT_LINES = 15;

export interface ProcessEvents {
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly onReady: (restarts: number) => void;
  readonly onEnd: (how: string, restartInMs: number) => void;
}

/** The process was never ready. */
export class StartFailed extends Error {
  constructor(name: string, why: string, lastLines: readonly string[]) {
    super(
      `${name} ${why}${lastLines.length > 0 ? `; its last lines:\n${lastLines.map((l) => `  ${l}`).join('\n')}` : ''}`,
    );
    this.name = 'StartFailed';
  }
}

/** Keeps one process running until it is stopped. */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly #events: ProcessEvents;
  readonly #stop = new AbortController();
  readonly #lastLines: string[] = [];
  #child: ChildProcess | undefined;
  #exited: Promise<string> | undefined;
  #running: Promise<void> | undefined;
  #restarts = 0;
  #ready = false;
  #waitingFor = 'does not listen yet';

  constructor(spec: ProcessSpec, events: ProcessEvents) {
    this.spec = spec;
    this.#events = events;
  }

  get status(): ProcessStatus {
    const pid = this.#child?.pid;
    return { name: this.spec.name, pid, ready: this.#ready, restarts: this.#restarts };
  }

  /** Resolves when it is ready for the first time. Throws StartFailed when it will not be. */
  async start(deadlineMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const firstReady = Promise.withResolvers<void>();
    const timeout = setTimeout(() => {
      firstReady.reject(this.#startFailed(`is not ready after ${deadlineMs / 1_000} s (${this.#waitingFor})`));
    }, deadlineMs);
    const onAbort = (): void => firstReady.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#running = this.#keepRunning(firstReady);
    this.#running.catch(firstReady.reject);
    try {
      await firstReady.promise;
    } finally {
      clearTimeout(timeout);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** SIGTERM, after the deadline SIGKILL. Resolves when the process is gone and will not return. */
  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#child?.pid !== undefined && this.#exited !== undefined) {
      const child = this.#child;
      child.kill('SIGTERM');
      const killer = setTimeout(() => killGroup(child), this.spec.stopDeadlineMs);
      await this.#exited;
      clearTimeout(killer);
    }
    // Its failure was told by start().
    await this.#running?.catch(() => undefined);
  }

  async #keepRunning(firstReady: PromiseWithResolvers<void>): Promise<void> {
    let failures = 0;
    let everReady = false;
    while (!this.#stop.signal.aborted) {
      const started = performance.now();
      const gone = new AbortController();
      const exited = this.#spawn();
      this.#exited = exited;
      const ready = this.#awaitReady(gone.signal).then((isReady) => {
        if (!isReady) return;
        everReady = true;
        firstReady.resolve();
      });
      const how = await exited;
      gone.abort();
      await ready;
      this.#child = undefined;
      this.#ready = false;
      if (this.#stop.signal.aborted) return;
      failures = performance.now() - started > HEALTHY_MS ? 1 : failures + 1;
      if (!everReady && failures >= MAX_FIRST_FAILURES) throw this.#startFailed(`cannot be started: it ended ${how}`);
      const restartInMs = backOffMs(failures);
      this.#restarts += 1;
      this.#events.onEnd(how, restartInMs);
      await delay(restartInMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** Resolves with how the process ended. Rejects when it cannot be started at all. */
  #spawn(): Promise<string> {
    const [command, ...args] = launchCommand(this.spec);
    const child = spawn(command, args, {
      cwd: this.spec.cwd,
      env: { ...this.spec.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: what it starts goes with it when it must be killed.
      detached: true,
    });
    this.#child = child;
    this.#follow(child.stdout, 'stdout');
    this.#follow(child.stderr, 'stderr');
    // Not "close": what it started may hold its pipes open, such as the monitors of containers.
    return once(child, 'exit').then(([code, signal]) => (signal === null ? `with status ${code}` : `by ${signal}`));
  }

  #follow(stream: Readable, name: 'stdout' | 'stderr'): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
      this.#events.onLine(line, name);
    });
  }

  /** False when the process ended before it was ready. */
  async #awaitReady(gone: AbortSignal): Promise<boolean> {
    try {
      await untilReady(this.spec.readyUrl, AbortSignal.any([gone, this.#stop.signal]), (reason) => {
        this.#waitingFor = reason;
      });
    } catch (error) {
      if (gone.aborted || this.#stop.signal.aborted) return false;
      throw error;
    }
    this.#ready = true;
    this.#events.onReady(this.#restarts);
    return true;
  }

  #startFailed(why: string): StartFailed {
    return new StartFailed(this.spec.name, why, this.#lastLines);
  }
}

/** Kills a process with all that it has started. */
export function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { launchCommand } from './launch-command.ts';
import type { ProcessSpec, ProcessStatus } from './process-spec.ts';
import type { ProcessEvents } from './supervised-process.ts';
import { killGroup } from './supervised-process.ts';

/** What it says when nobody is connected any more; `connections` is how many it was given since its start. */
interface Idle {
  readonly type: 'idle';
  readonly connections: number;
}

/**
 * A process that costs nothing while nobody needs it. The supervisor listens in its place and hands it each connection
 * as it is, unread; what goes through it from then on the supervisor does not see. The process is started for the first
 * connection. When it has none any more it says so, and is let go unless another was handed to it meanwhile.
 */
export class OnDemandProcess {
  readonly spec: ProcessSpec;
  readonly #events: ProcessEvents;
  readonly #door: NonNullable<ProcessSpec['door']>;
  readonly #server: Server;
  #child: ChildProcess | undefined;
  /** Those that were let go, too. */
  readonly #running = new Map<ChildProcess, Promise<unknown>>();
  #handed = 0;
  #restarts = 0;

  constructor(spec: ProcessSpec, door: NonNullable<ProcessSpec['door']>, events: ProcessEvents) {
    this.spec = spec;
    this.#door = door;
    this.#events = events;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#hand(socket));
  }

  get status(): ProcessStatus {
    const { name } = this.spec;
    return { name, pid: this.#child?.pid, ready: this.#server.listening, restarts: this.#restarts };
  }

  /** Resolves when it listens. */
  async start(_deadlineMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const listening = once(this.#server, 'listening', { signal });
    this.#server.listen(this.#door.port, this.#door.host);
    await listening;
    this.#server.on('error', (error) => this.#events.onLine(`cannot take a connection: ${error.message}`, 'stderr'));
    this.#events.onReady(0);
  }

  /** SIGTERM, after the deadline SIGKILL. Resolves when the process is gone and will not return. */
  async stop(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    await Promise.all(
      [...this.#running].map(async ([child, exited]) => {
        child.kill('SIGTERM');
        const killer = setTimeout(() => killGroup(child), this.spec.stopDeadlineMs);
        await exited;
        clearTimeout(killer);
      }),
    );
  }

  #hand(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const child = this.#child ?? this.#spawn();
    this.#handed += 1;
    child.send({ type: 'connection' }, socket, (error) => {
      if (error !== null) socket.destroy();
    });
  }

  #spawn(): ChildProcess {
    const [command, ...args] = launchCommand(this.spec);
    const child = spawn(command, args, {
      cwd: this.spec.cwd,
      env: { ...this.spec.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    this.#handed = 0;
    this.#follow(child.stdout as Readable, 'stdout');
    this.#follow(child.stderr as Readable, 'stderr');
    child.on('message', (message) => this.#maybeLetGo(child, message as Idle));
    child.on('error', (error) => this.#events.onLine(`cannot be started: ${error.message}`, 'stderr'));
    const exited = once(child, 'exit').then(([code, signal]) => {
      this.#running.delete(child);
      if (this.#child !== child) return;
      // Nobody let it go.
      this.#child = undefined;
      this.#restarts += 1;
      if (this.#server.listening) this.#events.onEnd(signal === null ? `with status ${code}` : `by ${signal}`, 0);
    });
    exited.catch(() => this.#running.delete(child));
    this.#running.set(child, exited);
    return child;
  }

  #maybeLetGo(child: ChildProcess, { type, connections }: Idle): void {
    if (type !== 'idle' || child !== this.#child || connections !== this.#handed) return;
    this.#child = undefined;
    child.disconnect();
  }

  #follow(stream: Readable, name: 'stdout' | 'stderr'): void {
    createInterface({ input: stream }).on('line', (line) => this.#events.onLine(line, name));
  }
}

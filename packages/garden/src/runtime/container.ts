import type { Socket } from 'node:net';
import { readOomKills, readStats } from '../cgroup/figures.ts';
import { asGardenError, GardenError, type GardenPhase } from '../errors.ts';
import { type Listener, listenersOf } from '../health/listeners.ts';
import type { UnnamedHold } from '../layers/name-hold.ts';
import { LogReader, type LogSink } from '../logs/log-reader.ts';
import type { EgressRule } from '../network/egress-rules.ts';
import { releaseKeeper } from '../rootfs/keeper.ts';
import { connectInNamespace } from '../sys/connect-in-namespace.ts';
import { loopTurn } from '../sys/loop-turn.ts';
import { isAlive, type ProcessIdentity, signalProcess } from '../sys/processes.ts';
import type { CellContext } from './cell-context.ts';
import { type ContainerExit, type ContainerRecord, type ContainerState, writeRecord } from './container-record.ts';
import type { ContainerStats } from './container-stats.ts';
import { destroyContainer } from './destroy-container.ts';
import { DiskUsage } from './disk-usage.ts';
import type { ObservedExit } from './exit-watcher.ts';
import { type ExecSpec, endSessions, type Session, startSession } from './session.ts';
import { Sidecar, startSidecars } from './sidecar.ts';
import { startInit } from './start-init.ts';

/** A killed process that the kernel still holds after this, holds it for long. */
const KILL_TIMEOUT_MS = 30_000;

/** The news of an end come a moment after it. */
const EXIT_NEWS_MS = 2_000;

/** How a container ended when it was told to. */
export interface StopOutcome {
  readonly exit: ContainerExit;
  /** It did not end within the grace time, and was killed. */
  readonly killed: boolean;
}

/** One container of this cell. Made by a Garden, which also gives those that an earlier rep left running. */
export class Container {
  readonly handle: string;
  /** Resolves when the container has ended, at once for one that had before. */
  readonly exited: Promise<ContainerExit>;
  readonly #context: CellContext;
  readonly #onDeleted: () => void;
  readonly #resolveExit: (exit: ContainerExit) => void;
  readonly #disk: DiskUsage;
  readonly #sessions = new Set<Session>();
  /** What runs beside the app, in the order of its starting. */
  readonly sidecars: readonly Sidecar[];
  #record: ContainerRecord;
  #logs: LogReader | undefined;
  #deletion: Promise<void> | undefined;

  /** For Garden alone. */
  constructor(context: CellContext, record: ContainerRecord, onDeleted: () => void) {
    this.handle = record.handle;
    this.#context = context;
    this.#record = record;
    this.#onDeleted = onDeleted;
    this.#disk = new DiskUsage(context.paths.container(record.handle), record.disk?.kind ?? 'none');
    this.sidecars = record.sidecars.map(({ name }) => new Sidecar(name));
    const { promise, resolve } = Promise.withResolvers<ContainerExit>();
    this.exited = promise;
    this.#resolveExit = resolve;
  }

  get state(): ContainerState {
    return this.#record.state;
  }

  /** Its address in the cell's network. */
  get address(): string {
    return this.#record.network.address;
  }

  get annotations(): Readonly<Record<string, unknown>> {
    return this.#record.annotations;
  }

  /** The machine has restarted since, which ended it, if nothing else had before. */
  get beforeRestart(): boolean {
    return this.#record.bootId !== this.#context.bootId;
  }

  get createdAt(): Date {
    return new Date(this.#record.createdAt);
  }

  /** Undefined before the app was started. */
  get startedAt(): Date | undefined {
    return this.#record.startedAt === null ? undefined : new Date(this.#record.startedAt);
  }

  /** How it ended; undefined while it has not. */
  get exit(): ContainerExit | undefined {
    return this.#record.exit ?? undefined;
  }

  /** The host's end of its link. */
  get hostDevice(): string {
    return this.#record.network.hostDevice;
  }

  /** First host id of its range. */
  get idBase(): number {
    return this.#record.range.base;
  }

  /** diffIDs of its layers, which the layer store must keep for as long as the container is. */
  get layers(): readonly string[] {
    return this.#record.layers;
  }

  /** For Garden alone: what the layer store knows it by. */
  get hold(): UnnamedHold {
    const { image, layers } = this.#record;
    const promisedBytes = this.#record.disk?.limitBytes;
    return { by: 'container', image, diffIds: layers, writableBytes: this.#disk.bytes(), promisedBytes };
  }

  /** For Garden alone: waits for the end from now on. */
  observe(): void {
    if (this.#record.exit !== null) {
      this.#resolveExit(this.#record.exit);
      return;
    }
    const { init, conmon, state } = this.#record;
    this.#context.exits.watch(this.handle, { init, conmon }, (exit) => this.#end(exit));
    if (state === 'running') this.#observeSidecars();
  }

  /** Starts the app, and then its sidecars. @throws GardenError CONTAINER_STATE, RUNTIME_FAILED, RUNTIME_TIMEOUT */
  async start(): Promise<void> {
    if (this.state !== 'created') {
      throw new GardenError('CONTAINER_STATE', 'start', `The container ${this.handle} is ${this.state}`);
    }
    const { onStep } = this.#context;
    await startInit(this.#context, this.handle, this.exited);
    onStep('start:sidecars', this.handle);
    const startedAt = new Date().toISOString();
    // In a container whose app has ended nothing can be started, and nothing need be.
    const needed = async (): Promise<boolean> => (await this.#within(EXIT_NEWS_MS)) === undefined;
    const sidecars = await startSidecars(this.#context, this.handle, this.#record.sidecars, needed);
    onStep('start:record', this.handle);
    // It may have ended already.
    const running = this.#record.state === 'created';
    this.#save({ startedAt, sidecars, ...(running ? { state: 'running' } : {}) });
    this.#observeSidecars();
  }

  #observeSidecars(): void {
    const paths = this.#context.paths.container(this.handle);
    for (const [index, sidecar] of this.sidecars.entries()) {
      const record = this.#record.sidecars[index];
      if (record === undefined) continue;
      sidecar.observe(this.handle, record, paths.sidecar(index).exitDir, () => this.#wasOutOfMemory());
    }
  }

  /** Sends the app a signal, through the init, and not its sidecars; false when it has ended. */
  signal(signal: NodeJS.Signals | number): boolean {
    const { init } = this.#record;
    try {
      return init !== null && signalProcess(init, signal);
    } catch (error) {
      throw asGardenError(error, 'RUNTIME_FAILED', 'signal', `The container ${this.handle} could not be signalled`);
    }
  }

  /**
   * Asks the app to end, and kills it and all its processes when it has not within the grace time.
   * @throws GardenError RUNTIME_TIMEOUT when even killed processes stay
   */
  async stop(options: { readonly signal?: NodeJS.Signals | number; readonly graceMs: number }): Promise<StopOutcome> {
    this.signal(options.signal ?? 'SIGTERM');
    const graceful = await this.#within(options.graceMs);
    if (graceful !== undefined) return { exit: graceful, killed: false };
    // PID 1 of a pid namespace takes all of it along.
    this.signal('SIGKILL');
    const exit = await this.#within(KILL_TIMEOUT_MS);
    if (exit !== undefined) return { exit, killed: true };
    throw new GardenError(
      'RUNTIME_TIMEOUT',
      'signal',
      `The container ${this.handle} did not end ${KILL_TIMEOUT_MS} ms after SIGKILL`,
    );
  }

  /**
   * Reads what the app and its sidecars write, from where the last reader stopped. Ends when the app has ended and all is read. One
   * reader at a time.
   * @throws GardenError CONTAINER_STATE, CELL_STATE_FAILED
   */
  readLogs(sink: LogSink): LogReader {
    if (this.#logs !== undefined) {
      throw new GardenError('CONTAINER_STATE', 'logs', `The logs of ${this.handle} are being read`);
    }
    const paths = this.#context.paths.container(this.handle);
    const sidecars = this.sidecars.map(({ name }, index) => {
      const { stdout, stderr } = paths.sidecar(index);
      return { sidecar: name, stdout, stderr };
    });
    const reader = new LogReader([{ stdout: paths.stdout, stderr: paths.stderr }, ...sidecars], sink);
    this.#logs = reader;
    void this.#forgetLogs(reader);
    // Only once there is a reader: what is in the FIFOs goes when nobody holds them.
    void this.exited.then(() => {
      if (this.#logs === reader) this.#letKeeperGo();
    });
    return reader;
  }

  /**
   * Runs a program beside the app, with its user, variables, limits and confinement.
   * @throws GardenError CONTAINER_STATE, RUNTIME_FAILED
   */
  exec(spec: ExecSpec): Session {
    this.#runningInit('session');
    const session = startSession(this.#context, this.handle, this.#record.cgroup, spec);
    this.#sessions.add(session);
    void this.#untilEnd(session);
    return session;
  }

  /**
   * Opens a TCP connection as from within the container: what it listens to on its own loopback is reached, and beyond
   * it only what it may reach itself.
   * @throws GardenError CONTAINER_STATE, NETWORK_FAILED
   */
  async connect(address: string, port: number, signal: AbortSignal): Promise<Socket> {
    const init = this.#runningInit('network');
    try {
      return await connectInNamespace(`/proc/${init.pid}/ns/net`, address, port, signal);
    } catch (error) {
      throw asGardenError(error, 'NETWORK_FAILED', 'network', `The container ${this.handle} cannot connect`);
    }
  }

  #runningInit(phase: GardenPhase): ProcessIdentity {
    const { init, state } = this.#record;
    if (state === 'running' && init !== null && isAlive(init)) return init;
    throw new GardenError('CONTAINER_STATE', phase, `The container ${this.handle} does not run`);
  }

  async #untilEnd(session: Session): Promise<void> {
    try {
      await session.ended;
    } catch (error) {
      // The container's own deletion takes it along, and so does the next rep.
      this.#context.onProblem(asGardenError(error, 'CGROUP_FAILED', 'session', `A session in ${this.handle} is left`));
    } finally {
      this.#sessions.delete(session);
    }
  }

  /** What fails is told by whoever waits for the session's end. */
  async #closeSessions(): Promise<void> {
    await Promise.allSettled([...this.#sessions].map(async (session) => await session.close()));
  }

  /** For Garden alone: ends what an earlier rep had started for somebody to look on. */
  async endSessions(): Promise<void> {
    await endSessions(this.#context, this.handle, this.#record.cgroup);
  }

  /** Where something in it accepts connections; nowhere when it has ended. */
  listeners(): readonly Listener[] {
    const { init } = this.#record;
    return init !== null && isAlive(init) ? listenersOf(init.pid) : [];
  }

  /** What it uses; undefined when it is gone. @throws GardenError CGROUP_FAILED */
  stats(): ContainerStats | undefined {
    const figures = readStats(this.#context.cgroups, this.#record.cgroup);
    return figures === undefined ? undefined : { ...figures, diskBytes: this.#disk.bytes() };
  }

  /** For Garden alone: looks at its disk now, so that `stats` knows. */
  async measureDisk(): Promise<void> {
    await this.#disk.measure();
  }

  /** Replaces what it may open connections to, as `egress` had it; those that are open go on. @throws GardenError */
  async allow(egress: readonly EgressRule[] | undefined): Promise<void> {
    if (this.#deletion !== undefined) return; // its address may be another's soon
    await this.#context.network.allow(this.address, egress);
    if (this.#deletion === undefined) this.#save({ egress });
  }

  /** Replaces the caller's own part of the record. @throws GardenError CELL_STATE_FAILED */
  annotate(annotations: Readonly<Record<string, unknown>>): void {
    this.#save({ annotations });
  }

  /** For Garden alone: stops reading its logs, with what was read handed on. The container goes on. */
  async detach(): Promise<void> {
    this.#context.exits.forget(this.handle);
    this.#forgetSidecars();
    await this.#closeSessions();
    await this.#logs?.stop();
  }

  /** Kills what runs of it and removes all that there is. Fine to call again. @throws GardenError */
  async delete(): Promise<void> {
    this.#deletion ??= this.#delete();
    try {
      await this.#deletion;
    } catch (error) {
      this.#deletion = undefined;
      throw error;
    }
  }

  async #delete(): Promise<void> {
    await loopTurn();
    const { keeper, init, conmon, network, sidecars } = this.#record;
    this.#context.onStep('delete:record', this.handle);
    this.#trySave({ state: 'deleting' });
    this.#forgetSidecars();
    await this.#closeSessions();
    const ofSidecars = sidecars.flatMap((sidecar) => [sidecar.conmon, sidecar.process]);
    const known = [conmon, ...ofSidecars, init, keeper].filter((each): each is ProcessIdentity => each !== null);
    // What was given up while it started may have left a conmon or a runc that nobody has written down.
    const processes = this.#record.startedAt === null ? undefined : known;
    await destroyContainer(this.#context, { handle: this.handle, processes, hostDevice: network.hostDevice });
    if (this.#record.exit === null)
      this.#resolveExit({ status: 137, outOfMemory: false, at: new Date().toISOString() });
    this.#onDeleted();
  }

  #end(observed: ObservedExit): void {
    const exit: ContainerExit = {
      status: observed.status,
      outOfMemory: this.#wasOutOfMemory(),
      at: observed.at.toISOString(),
    };
    this.#trySave(this.#record.state === 'deleting' ? { exit } : { state: 'exited', exit });
    this.#resolveExit(exit);
  }

  /** The cgroup stays until the container is deleted, so that this is right also when nobody was there at the time. */
  #wasOutOfMemory(): boolean {
    try {
      return readOomKills(this.#context.cgroups, this.#record.cgroup) > 0;
    } catch (error) {
      this.#context.onProblem(
        asGardenError(error, 'CGROUP_FAILED', 'stats', `The end of ${this.handle} is not known in full`),
      );
      return false;
    }
  }

  async #forgetLogs(reader: LogReader): Promise<void> {
    try {
      await reader.ended;
    } catch {
      // Whoever reads has the error from `ended` too.
    } finally {
      if (this.#logs === reader) this.#logs = undefined;
    }
  }

  #forgetSidecars(): void {
    for (const sidecar of this.sidecars) sidecar.close();
  }

  #letKeeperGo(): void {
    const { keeper } = this.#record;
    if (keeper !== null && isAlive(keeper)) signalProcess(keeper, 'SIGKILL');
    else releaseKeeper(this.#context.paths.container(this.handle).release);
  }

  async #within(ms: number): Promise<ContainerExit | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, ms, undefined);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #save(changes: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...changes };
    writeRecord(this.#context.paths.container(this.handle).record, this.#record);
  }

  /** For changes that a later rep also finds out without the record: a full disk must not keep one from being freed. */
  #trySave(changes: Partial<ContainerRecord>): void {
    try {
      this.#save(changes);
    } catch (error) {
      this.#context.onProblem(
        asGardenError(error, 'CELL_STATE_FAILED', 'delete', `The record of ${this.handle} is out of date`),
      );
    }
  }
}

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { countsSwap, findCgroups, makeParent } from '../cgroup/hierarchy.ts';
import { removeCgroup, removeIfEmpty } from '../cgroup/removal.ts';
import { chooseDisks } from '../disk/choose-disks.ts';
import type { DiskLimitKind } from '../disk/container-disks.ts';
import { explainFullDisk } from '../disk/full-disk.ts';
import { asGardenError, GardenError, throwIfCancelled } from '../errors.ts';
import { LayerStore } from '../layers/layer-store.ts';
import type { UnnamedHold } from '../layers/name-hold.ts';
import { CellNetwork, type Endpoint } from '../network/cell-network.ts';
import type { PacketNews } from '../network/packet-log.ts';
import type { GroupPolicies } from '../network/policy-table.ts';
import { readBootId } from '../sys/boot-id.ts';
import { removeTree } from '../sys/remove-tree.ts';
import type { CellContext } from './cell-context.ts';
import { closeAll, lockCell } from './cell-lock.ts';
import { CellPaths, RUN_ROOT } from './cell-paths.ts';
import { claimSubnet } from './claim-subnet.ts';
import { runCommand } from './command.ts';
import { Container } from './container.ts';
import { type ContainerRecord, readRecord, writeRecord } from './container-record.ts';
import type { ContainerSpec } from './container-spec.ts';
import { createContainer, newRecord } from './create-container.ts';
import { DEFAULT_DEADLINES } from './deadlines.ts';
import { destroyContainer } from './destroy-container.ts';
import { ExitWatcher } from './exit-watcher.ts';
import { DEFAULT_ID_BASE, type GardenOptions } from './garden-options.ts';
import { checkHandle } from './handle.ts';
import { describeIsolation, type Isolation } from './isolation.ts';
import { readPolicies, writePolicies } from './kept-policies.ts';
import { loadAppArmorProfile } from './load-apparmor.ts';
import { isProbe, probe } from './probe.ts';
import { checkHost, DEFAULT_PROGRAMS } from './programs.ts';
import { readAllowances } from './read-allowances.ts';
import { Slots } from './slots.ts';
import { StuckContainers } from './stuck-containers.ts';
import { type SweepReport, sweepCell } from './sweep.ts';

const CGROUP_ROOT = '/slipway';
const FIRST_MEASURE_MS = 2_000;

/** The containers and layers of one cell. One process at a time has it open; the containers outlive that process. */
export class Garden {
  readonly layers: LayerStore;
  readonly #context: CellContext;
  readonly #lockFds: readonly number[];
  readonly #containers = new Map<string, Container>();
  /** Containers being made, by handle, which a sweep must not touch. */
  readonly #making = new Map<string, ContainerRecord>();
  /** Containers that could be neither made nor removed. */
  readonly #stuck: StuckContainers;

  private constructor(context: CellContext, layers: LayerStore, lockFds: readonly number[]) {
    this.#context = context;
    this.layers = layers;
    this.#lockFds = lockFds;
    this.#stuck = new StuckContainers({
      destroy: async (handle, record) => {
        await destroyContainer(context, { handle, processes: undefined, hostDevice: record?.network.hostDevice });
      },
      onGone: (_, record) => {
        if (record !== undefined) context.slots.free(record.slot);
      },
      onProblem: context.onProblem,
    });
  }

  /**
   * Opens the cell: sets up what all containers share, takes over those that run or have ended since, and removes what
   * was half made or half removed.
   * @throws GardenError CELL_*, LAYER_STORE_FAILED, NETWORK_FAILED
   */
  static async open(options: GardenOptions): Promise<Garden> {
    const programs = { ...DEFAULT_PROGRAMS, ...options.programs };
    checkHost(programs);
    const paths = new CellPaths(options.dataDir, options.runDir ?? join(RUN_ROOT, options.cell));
    const network = new CellNetwork({
      cell: options.cell,
      subnet: options.subnet,
      reachableFrom: options.reachableFrom ?? [],
      namesOwnServer: options.namesOwnServer ?? false,
    });
    const slots = new Slots(options.idBase ?? DEFAULT_ID_BASE, network.subnet.size);
    const cgroupParent = `${CGROUP_ROOT}/${options.cell}`;
    const lockFds = await lockCell(options.cell, paths);
    let exits: ExitWatcher | undefined;
    let opened: Garden | undefined;
    try {
      claimSubnet(paths.runDir, network.subnet);
      const cgroups = findCgroups();
      makeParent(cgroups, cgroupParent);
      const onProblem = options.onProblem ?? ((): void => undefined);
      // Until all containers are known, nobody knows which layers are not below one.
      const layers = await LayerStore.open({ ...options.layers, dir: paths.layers, onProblem }, () =>
        opened === undefined ? undefined : opened.#holds(),
      );
      await network.open(readAllowances(paths.containers), readPolicies(paths.policies));
      const disks = await chooseDisks(options.diskLimits ?? 'auto', { dataDir: paths.dataDir, run: runCommand });
      exits = new ExitWatcher(paths.exits);
      const context: CellContext = {
        paths,
        layersDir: layers.layersDir,
        disks,
        network,
        cgroups,
        cgroupParent,
        slots,
        programs,
        deadlines: { ...DEFAULT_DEADLINES, ...options.deadlines },
        bundle: {
          initPath: programs.init,
          toolsPath: programs.tools,
          swapAccounting: countsSwap(cgroups, cgroupParent),
          ipv6: existsSync('/proc/sys/net/ipv6'),
          appArmorProfile: await loadAppArmorProfile(runCommand, onProblem),
          nameServers: options.namesOwnServer === true ? [network.subnet.gateway] : (options.nameServers ?? []),
        },
        exits,
        bootId: readBootId(),
        run: runCommand,
        onStep: options.onStep ?? ((): void => undefined),
        onProblem,
      };
      const garden = new Garden(context, layers, lockFds);
      garden.#adoptAll();
      await Promise.all(garden.containers().map(async (container) => await container.endSessions()));
      await garden.sweep();
      await garden.#measureDisks();
      opened = garden;
      layers.watchDisk();
      return garden;
    } catch (error) {
      exits?.close();
      closeAll(lockFds);
      throw asGardenError(error, 'CELL_STATE_FAILED', 'open', `The cell ${options.cell} could not be opened`);
    }
  }

  /** All containers, also those that have ended and are not deleted yet. */
  containers(): readonly Container[] {
    return [...this.#containers.values()];
  }

  container(handle: string): Container | undefined {
    return this.#containers.get(handle);
  }

  /** What holds writable layers at their limits on this machine, and why it is that. */
  get diskLimits(): { readonly kind: DiskLimitKind; readonly reason: string } {
    const { kind, reason } = this.#context.disks;
    return { kind, reason };
  }

  /** What of the containers' isolation this machine has. */
  get isolation(): Isolation {
    const { cgroups, bundle, disks } = this.#context;
    return describeIsolation(cgroups, bundle.appArmorProfile, disks.kind);
  }

  /** How many containers there are addresses for. */
  get capacity(): number {
    return this.#context.network.subnet.size;
  }

  /**
   * Makes a container; its app starts with `Container.start`. On failure nothing of it is left.
   * @throws GardenError CONTAINER_EXISTS, CELL_FULL, IMAGE_*, USER_*, PROCESS_*, ROOTFS_FAILED, RUNTIME_*, CANCELLED
   */
  async create(spec: ContainerSpec, options: { readonly signal?: AbortSignal } = {}): Promise<Container> {
    const { handle } = spec;
    checkHandle(handle);
    throwIfCancelled(options.signal, 'allocate');
    if (this.#containers.has(handle) || this.#making.has(handle) || this.#stuck.has(handle)) {
      throw new GardenError('CONTAINER_EXISTS', 'allocate', `There is a container ${handle} already`);
    }
    this.#context.onStep('create:allocate', handle);
    const slot = this.#context.slots.allocate();
    let record = newRecord(this.#context, spec, slot);
    this.#making.set(handle, record);
    try {
      const keep = (newer: ContainerRecord): void => {
        record = newer;
      };
      await createContainer(this.#context, spec, record, keep, options.signal);
      const container = this.#add(record);
      container.observe();
      return container;
    } catch (error) {
      const told = explainFullDisk(error, this.#context.paths.dataDir);
      await this.#undo(record);
      throw asGardenError(told, 'RUNTIME_FAILED', 'create', `The container ${handle} could not be made`);
    } finally {
      this.#making.delete(handle);
    }
  }

  /** What is mounted and running; gone after a reboot, and with `teardown`. */
  get runDir(): string {
    return this.#context.paths.runDir;
  }

  /** The cell's own address, where containers ask for names, if they ask the cell. */
  get ownAddress(): string {
    return this.#context.network.subnet.gateway;
  }

  /** What containers may reach of one another from now on, and after the next open. @throws GardenError NETWORK_FAILED */
  async applyPolicies(policies: GroupPolicies): Promise<void> {
    await this.#context.network.applyPolicies(policies);
    writePolicies(this.#context.paths.policies, policies);
  }

  /** Makes, starts and removes a container of its own. @throws GardenError of the step that failed */
  async probe(signal: AbortSignal): Promise<void> {
    await probe(async (spec, options) => await this.create(spec, options), signal);
  }

  /** Removes all that there is of this cell and belongs to none of its containers. */
  async sweep(): Promise<SweepReport> {
    const containers = this.containers();
    const report = await sweepCell(this.#context, {
      handles: new Set([...containers.map(({ handle }) => handle), ...this.#making.keys()]),
      devices: new Set([
        ...containers.map(({ hostDevice }) => hostDevice),
        ...[...this.#making.values()].map(({ network }) => network.hostDevice),
      ]),
    });
    for (const handle of this.#stuck.handles) {
      if (!this.#making.has(handle) && !report.failed.has(handle)) this.#stuck.settle(handle);
    }
    for (const [handle, error] of report.failed) {
      if (this.#stuck.has(handle)) continue;
      const record = readRecord(this.#context.paths.container(handle).record);
      if (record !== undefined) this.#context.slots.take(record.slot);
      this.#stuck.add(handle, record, error);
    }
    return report;
  }

  /** Lets go of the cell. Its containers go on; their logs wait for the next reader. */
  async close(): Promise<void> {
    this.#stuck.close();
    this.#context.exits.close();
    this.#context.network.close();
    await Promise.all(this.containers().map(async (container) => await container.detach()));
    await this.layers.close();
    closeAll(this.#lockFds);
  }

  /** Removes the cell from the machine: containers, links, rules, cgroups, mounts. Only layers stay. Closes it. */
  async teardown(): Promise<void> {
    const { cgroups, cgroupParent, network, paths } = this.#context;
    await Promise.all(this.containers().map(async (container) => await container.delete()));
    const { failed } = await this.sweep();
    for (const [handle, error] of failed) {
      throw asGardenError(error, 'CELL_STATE_FAILED', 'teardown', `The container ${handle} could not be removed`);
    }
    await network.teardown();
    await removeCgroup(cgroups, cgroupParent);
    removeIfEmpty(cgroups, CGROUP_ROOT); // other cells may be in it
    await this.close();
    await removeTree(paths.runDir);
    paths.removeRunRoot();
  }

  /** Tells of containers' connections that were refused, and of accepted ones whose rule says so; until `close`. */
  followPackets(listener: (handle: string, news: PacketNews) => void): void {
    this.#context.network.followPackets((news) => {
      const container = this.containers().find(({ address }) => address === news.source);
      if (container !== undefined) listener(container.handle, news);
    });
  }

  /** Denies TCP ports of other machines to all containers, instead of those of the call before. @throws GardenError */
  async deny(endpoints: readonly Endpoint[]): Promise<void> {
    await this.#context.network.deny(endpoints);
  }

  #add(record: ContainerRecord): Container {
    const container = new Container(this.#context, record, () => {
      this.#containers.delete(record.handle);
      this.#context.slots.free(record.slot);
      this.#freed(record);
    });
    this.#containers.set(record.handle, container);
    return container;
  }

  async #undo(record: ContainerRecord): Promise<void> {
    const { handle, network } = record;
    try {
      await destroyContainer(this.#context, { handle, processes: undefined, hostDevice: network.hostDevice });
      this.#context.slots.free(record.slot);
    } catch (error) {
      // The caller hears why the container was not made.
      this.#stuck.add(handle, record, error);
    }
  }

  /** Whose layers the cell's containers are, also those that are only half there. */
  #holds(): readonly UnnamedHold[] {
    const unfinished = [...this.#making.values(), ...this.#stuck.records].filter(({ handle }) => !isProbe(handle));
    return [
      // A probe has no image, and is nobody's.
      ...this.containers()
        .filter(({ handle }) => !isProbe(handle))
        .map(({ hold }) => hold),
      ...unfinished.map(({ image, layers }): UnnamedHold => ({ by: 'container', image, diffIds: layers })),
    ];
  }

  #freed({ layers }: ContainerRecord): void {
    try {
      this.layers.used(layers);
    } catch (error) {
      const what = 'When layers were last used could not be noted';
      this.#context.onProblem(asGardenError(error, 'LAYER_STORE_FAILED', 'delete', what));
    }
  }

  /** So that a rep that starts knows what of the disk its containers have; what takes longer it learns later. */
  async #measureDisks(): Promise<void> {
    const all = Promise.all(this.containers().map(async (container) => await container.measureDisk()));
    await Promise.race([all, delay(FIRST_MEASURE_MS, undefined, { ref: false })]);
  }

  /** Takes over the containers that had been started; the others were never of use to anyone and are swept. */
  #adoptAll(): void {
    const { paths, bootId, slots } = this.#context;
    for (const handle of readdirSync(paths.containers)) {
      const path = paths.container(handle).record;
      let record = readRecord(path);
      if (record === undefined || record.handle !== handle) continue;
      if (record.state !== 'running' && record.state !== 'exited') continue;
      if (isProbe(handle)) continue;
      if (record.bootId !== bootId && record.exit === null) {
        // The machine restarted under it.
        record = {
          ...record,
          state: 'exited',
          exit: { status: null, outOfMemory: false, at: new Date().toISOString() },
        };
        writeRecord(path, record);
      }
      slots.take(record.slot);
      this.#add(record).observe();
    }
  }
}

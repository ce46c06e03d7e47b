import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { MOUNTED_DIRECTORIES } from '../bundle/oci-config.ts';
import { withQuickMoves } from '../cgroup/quick-moves.ts';
import { asGardenError, throwIfCancelled } from '../errors.ts';
import { type ResolvedProcess, resolveProcess } from '../image/process.ts';
import { attachVolumes } from '../rootfs/attach-volumes.ts';
import { highIdsOf, unmappedIds, withHighIds } from '../rootfs/id-range.ts';
import { type Keeper, startKeeper } from '../rootfs/keeper.ts';
import { clearRootfs, mountRootfs } from '../rootfs/rootfs.ts';
import { checkMountPoints, RootfsView } from '../rootfs/rootfs-files.ts';
import { checkDestinations, checkMountable, closeVolumes, type OpenVolume, openVolumes } from '../rootfs/volumes.ts';
import { makeFifo, setPipeSize } from '../sys/files.ts';
import { signalProcess } from '../sys/processes.ts';
import type { CellContext } from './cell-context.ts';
import type { ContainerPaths } from './cell-paths.ts';
import { createBelowConmon } from './conmon.ts';
import { makeDisk, promisedDisk } from './container-disk.ts';
import { type ContainerRecord, writeRecord } from './container-record.ts';
import type { ContainerSpec, ProcessSpec } from './container-spec.ts';
import { type BundledProcesses, writeBundle } from './write-bundle.ts';

/** How much an app can write while no rep reads before it has to wait; the most that an unchanged kernel gives. */
const LOG_PIPE_BYTES = 1024 * 1024;

/** The first record of a container, before there is anything of it. */
export function newRecord(context: CellContext, spec: ContainerSpec, slot: number): ContainerRecord {
  return {
    v: 1,
    handle: spec.handle,
    state: 'creating',
    bootId: context.bootId,
    createdAt: new Date().toISOString(),
    startedAt: null,
    slot,
    range: context.slots.range(slot),
    network: context.network.place(slot),
    ...(spec.networkGroup === undefined ? {} : { networkGroup: spec.networkGroup }),
    ...(spec.egress === undefined ? {} : { egress: spec.egress }),
    cgroup: `${context.cgroupParent}/${spec.handle}`,
    memoryBytes: spec.limits.memoryBytes,
    ...promisedDisk(context.disks.kind, spec.limits.diskBytes),
    layers: spec.layers.map((layer) => layer.diffId),
    image: spec.image,
    keeper: null,
    init: null,
    conmon: null,
    sidecars: (spec.sidecars ?? []).map(({ name }) => ({ name, process: null, conmon: null })),
    exit: null,
    annotations: spec.annotations ?? {},
  };
}

/**
 * Makes a container up to where its init waits to start the app. Calls `keep` with each new state of the record, once
 * it is on disk. When it throws, what there is of the container is the caller's to remove.
 */
export async function createContainer(
  context: CellContext,
  spec: ContainerSpec,
  first: ContainerRecord,
  keep: (record: ContainerRecord) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { handle } = spec;
  const paths = context.paths.container(handle);
  const step = context.onStep;
  let record = first;
  const save = (changes: Partial<ContainerRecord>): void => {
    record = { ...record, ...changes };
    writeRecord(paths.record, record);
    keep(record);
  };
  // Beside the rest; whoever had the address before is gone, and nobody is there until the link is.
  const { address } = record.network;
  const allowed = Promise.all([
    context.network.allow(address, record.egress),
    context.network.join(address, record.networkGroup),
  ]);
  allowed.catch(() => undefined); // thrown where it is waited for
  step('create:files', handle);
  makeDirectories(paths, record);
  save({});
  await makeDisk(context, record, signal);
  let volumes: readonly OpenVolume[] = [];
  const log = openLogs(paths);
  const sidecarLogs = record.sidecars.map((_, index) => openLogs(paths.sidecar(index)));
  const logFds = [log, ...sidecarLogs].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  try {
    const highBase = context.slots.highBase(record.slot);
    let range = withHighIds(record.range, highIdsOf(spec.layers), highBase);
    let processes: BundledProcesses;
    for (;;) {
      step('create:keeper', handle);
      const keeper = await startKeeper(range, paths.release, logFds, signal);
      try {
        save({ keeper: keeper.process, range });
        step('create:rootfs', handle);
        mountRootfs(paths, context.layersDir, spec.layers, range, keeper.userNamespaceFd);
      } finally {
        closeUserNamespace(keeper);
      }
      processes = resolveProcesses(context, spec, paths, record);
      const users = [processes.process, ...processes.sidecars].map(({ user }) => user);
      const ids = users.flatMap(({ uid, gid, additionalGids }) => [uid, gid, ...additionalGids]);
      const missing = unmappedIds(range, ids);
      if (missing.length === 0) break;
      // A user that owns nothing in the image. A user namespace gets its ids once and for all, so there is to be another.
      range = withHighIds(range, [...(range.high ?? []).map(({ id }) => id), ...missing], highBase);
      clearRootfs(paths);
      signalProcess(keeper.process, 'SIGKILL');
    }
    step('create:bundle', handle);
    writeBundle(paths, spec, record, processes, context.bundle);
    volumes = await openVolumes(spec.volumes ?? [], range, processes.process.user, signal);
    throwIfCancelled(signal, 'create');
    step('create:runtime', handle);
    const { programs, paths: cell } = context;
    const fds = { stdoutFd: log.stdout, stderrFd: log.stderr };
    const settings = { programs, runcRoot: cell.runcRoot, exitDir: cell.exits, deadlineMs: context.deadlines.createMs };
    const order = { handle, ...settings, paths, ...fds, signal };
    const { init, conmon } = await withQuickMoves(context.cgroups, () => createBelowConmon(order));
    step('create:volumes', handle);
    await attachVolumes(init.pid, volumes);
    step('create:network', handle);
    await allowed;
    context.network.connect(record.network, init.pid);
    step('create:record', handle);
    save({ state: 'created', init, conmon });
  } finally {
    for (const fd of logFds) closeSync(fd);
    closeVolumes(volumes);
  }
}

/** Looks into the image for who runs what, once it has the directories that it says it has. */
function resolveProcesses(
  context: CellContext,
  spec: ContainerSpec,
  paths: ContainerPaths,
  record: ContainerRecord,
): BundledProcesses {
  context.onStep('create:process', spec.handle);
  const view = new RootfsView(paths.mountPoint);
  try {
    checkMountPoints(view);
    const volumes = spec.volumes ?? [];
    checkDestinations(volumes, MOUNTED_DIRECTORIES);
    const wanted = [...(spec.imageVolumes ?? []), ...volumes.map(({ destination }) => destination)];
    view.makeVolumes(wanted, record.range.base, MOUNTED_DIRECTORIES);
    checkMountable(volumes, view);
    const place = { address: record.network.address };
    const resolve = (process: ProcessSpec): ResolvedProcess => {
      const request = typeof process === 'function' ? process(place) : process;
      return resolveProcess(request, view, MOUNTED_DIRECTORIES);
    };
    const process = resolve(spec.process);
    const sidecars = (spec.sidecars ?? []).map((sidecar) => resolve(sidecar.process));
    return { process, sidecars };
  } finally {
    view.close();
  }
}

function makeDirectories(paths: ContainerPaths, { range, sidecars }: ContainerRecord): void {
  try {
    mkdirSync(paths.dir, { mode: 0o700 });
    mkdirSync(paths.writableDir, { mode: 0o700 });
    mkdirSync(paths.rootfsDir, { mode: 0o700 });
    // The container's init walks through here as its own root, and nobody else needs to.
    chownSync(paths.rootfsDir, 0, range.base);
    chmodSync(paths.rootfsDir, 0o710);
    for (const fifo of [paths.stdout, paths.stderr, paths.release]) makeFifo(fifo);

    for (const index of sidecars.keys()) {
      const sidecar = paths.sidecar(index);
      mkdirSync(sidecar.exitDir, { recursive: true, mode: 0o700 });
      for (const fifo of [sidecar.stdout, sidecar.stderr]) makeFifo(fifo);
    }
  } catch (error) {
    throw asGardenError(error, 'CELL_STATE_FAILED', 'allocate', "The container's directories could not be made");
  }
}

/** Opened both ways, so that opening does not wait for a reader and writing does not fail without one. */
export function openLogs(paths: Pick<ContainerPaths, 'stdout' | 'stderr'>): {
  readonly stdout: number;
  readonly stderr: number;
} {
  const open = (path: string): number => {
    const fd = openSync(path, constants.O_RDWR);
    setPipeSize(fd, LOG_PIPE_BYTES);
    return fd;
  };
  return { stdout: open(paths.stdout), stderr: open(paths.stderr) };
}

function closeUserNamespace(keeper: Keeper): void {
  closeSync(keeper.userNamespaceFd);
}

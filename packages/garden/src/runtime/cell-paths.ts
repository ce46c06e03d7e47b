import { chmodSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GardenError } from '../errors.ts';
import { errnoCode } from '../sys/sys-error.ts';

/** Where cells have their `runDir` by default. */
export const RUN_ROOT = '/run/slipway';

/** Where the files of one sidecar are. */
export interface SidecarPaths {
  readonly dir: string;
  /** What runc is told to start. */
  readonly process: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly pidFile: string;
  readonly conmonPidFile: string;
  readonly runtimeLog: string;
  /** conmon names exit files after the container, so each sidecar has a directory for its own. */
  readonly exitDir: string;
}

/** Where the files of one container are. */
export interface ContainerPaths {
  /** Everything that outlives the rep: removed last. Also the OCI bundle. */
  readonly dir: string;
  readonly record: string;
  readonly config: string;
  /** These three the container's root may write to: they are where its limit holds. */
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly stdout: string;
  readonly stderr: string;
  /** The keeper waits here. */
  readonly release: string;
  readonly initPidFile: string;
  readonly conmonPidFile: string;
  readonly runtimeLog: string;
  /** The file system of the writable directory, where it has one of its own. */
  readonly image: string;
  readonly writableDir: string;
  /** The writable layer itself. */
  readonly upperDir: string;
  /** Holds the mount point, and lets nobody but the container's own range pass. */
  readonly rootfsDir: string;
  readonly mountPoint: string;
  readonly exitFile: string;
  /** What runc keeps of it. */
  readonly runcState: string;
  /** Of its sidecars, by their number. */
  readonly sidecar: (index: number) => SidecarPaths;
  /** Of its directories of files, by their number. */
  readonly files: (index: number) => string;
  /** What runc is told to start in a session, by the session's name. */
  readonly session: (name: string) => string;
}

/**
 * A cell's files. `dataDir` holds what outlives a reboot of the machine or is large: records, layers, writable layers.
 * `runDir` holds what does not: mounts, exit statuses, runc's state.
 */
export class CellPaths {
  readonly dataDir: string;
  readonly runDir: string;
  readonly lock: string;
  readonly layers: string;
  readonly containers: string;
  /** What containers may reach of one another, for the next process. */
  readonly policies: string;
  readonly runcRoot: string;
  readonly exits: string;
  readonly rootfs: string;

  constructor(dataDir: string, runDir: string) {
    this.dataDir = dataDir;
    this.runDir = runDir;
    this.lock = join(dataDir, 'lock');
    this.layers = join(dataDir, 'layer-store');
    this.containers = join(dataDir, 'containers');
    this.policies = join(dataDir, 'network-policies.json');
    this.runcRoot = join(runDir, 'runc');
    this.exits = join(runDir, 'exits');
    this.rootfs = join(runDir, 'rootfs');
  }

  /** Makes the directories; fine when they are there. */
  make(): void {
    makePassable(this.runDir);
    for (const dir of [this.dataDir, this.containers, this.runcRoot, this.exits]) {
      mkdirSync(dir, { recursive: true });
      chmodSync(dir, 0o700);
    }
    makePassable(this.rootfs);
    checkPassable(this.runDir);
  }

  /** Removes the directory above the cells' default run directories, when this was the last. */
  removeRunRoot(): void {
    if (dirname(this.runDir) !== RUN_ROOT) return;
    try {
      rmdirSync(RUN_ROOT);
    } catch (error) {
      const code = errnoCode(error);
      if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
    }
  }

  container(handle: string): ContainerPaths {
    const dir = join(this.containers, handle);
    const rootfsDir = join(this.rootfs, handle);
    return {
      dir,
      record: join(dir, 'container.json'),
      config: join(dir, 'config.json'),
      hosts: join(dir, 'writable', 'etc', 'hosts'),
      hostname: join(dir, 'writable', 'etc', 'hostname'),
      resolvConf: join(dir, 'writable', 'etc', 'resolv.conf'),
      stdout: join(dir, 'stdout'),
      stderr: join(dir, 'stderr'),
      release: join(dir, 'release'),
      initPidFile: join(dir, 'init.pid'),
      conmonPidFile: join(dir, 'conmon.pid'),
      runtimeLog: join(dir, 'runtime.log'),
      image: join(dir, 'writable.img'),
      writableDir: join(dir, 'writable'),
      upperDir: join(dir, 'writable', 'upper'),
      rootfsDir,
      mountPoint: join(rootfsDir, 'merged'),
      exitFile: join(this.exits, handle),
      runcState: join(this.runcRoot, handle),
      sidecar: (index) => sidecarPaths(join(dir, `sidecar-${index}`)),
      files: (index) => join(dir, `files-${index}`),
      session: (name) => join(dir, `${name}.json`),
    };
  }
}

function sidecarPaths(dir: string): SidecarPaths {
  return {
    dir,
    process: join(dir, 'process.json'),
    stdout: join(dir, 'stdout'),
    stderr: join(dir, 'stderr'),
    pidFile: join(dir, 'process.pid'),
    conmonPidFile: join(dir, 'conmon.pid'),
    runtimeLog: join(dir, 'runtime.log'),
    exitDir: join(dir, 'exit'),
  };
}

/** Makes a directory, and those above it that are missing, for others to pass through but not to look into. */
function makePassable(dir: string): void {
  const first = mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o711);
  if (first === undefined) return;
  for (let at = dir; at.length > first.length; at = dirname(at)) chmodSync(dirname(at), 0o711);
}

/**
 * A container's init walks to its root file system as an id of its own range, to whom the host's directories are those
 * of a stranger.
 */
function checkPassable(runDir: string): void {
  for (let at = runDir; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) {
      throw new GardenError(
        'CELL_CONFIG_INVALID',
        'open',
        `Others cannot pass through ${at}, so containers could not reach ${runDir}: choose another directory, or chmod o+x`,
      );
    }
    if (at === dirname(at)) return;
  }
}

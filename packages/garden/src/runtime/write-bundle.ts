import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostnameOf, hostsFile, resolvConf } from '../bundle/etc-files.ts';
import { buildOciConfig, buildOciProcess } from '../bundle/oci-config.ts';
import { asGardenError } from '../errors.ts';
import type { ResolvedProcess } from '../image/process.ts';
import type { ContainerPaths } from './cell-paths.ts';
import type { ContainerRecord } from './container-record.ts';
import type { ContainerSpec } from './container-spec.ts';
import { writeFiles } from './write-files.ts';

/** What of the cell and its machine goes into every bundle. */
export interface BundleSettings {
  readonly initPath: string;
  readonly toolsPath: string;
  readonly swapAccounting: boolean;
  readonly ipv6: boolean;
  /** What AppArmor holds containers to. */
  readonly appArmorProfile: string | undefined;
  /** Instead of the host's. */
  readonly nameServers: readonly string[];
}

/** The app, and what runs beside it. */
export interface BundledProcesses {
  readonly process: ResolvedProcess;
  readonly sidecars: readonly ResolvedProcess[];
}

/** Writes config.json and the files of /etc that every container gets of its own. */
export function writeBundle(
  paths: ContainerPaths,
  spec: ContainerSpec,
  record: ContainerRecord,
  { process, sidecars }: BundledProcesses,
  settings: BundleSettings,
): void {
  const hostname = spec.hostname ?? hostnameOf(spec.handle);
  const owned: readonly (readonly [string, string, string])[] = [
    [paths.hosts, '/etc/hosts', hostsFile(hostname, record.network.address)],
    [paths.hostname, '/etc/hostname', `${hostname}\n`],
    [paths.resolvConf, '/etc/resolv.conf', resolvConf(readFileSync('/etc/resolv.conf', 'utf8'), settings.nameServers)],
  ];
  try {
    mkdirSync(dirname(paths.hosts), { recursive: true });
    for (const [path, , content] of owned) {
      writeFileSync(path, content, { mode: 0o644 });
      // As with Docker, the container's root may change them; they are its own.
      chownSync(path, record.range.base, record.range.base);
    }
    const config = buildOciConfig({
      process,
      rootfs: paths.mountPoint,
      hostname,
      range: record.range,
      limits: spec.limits,
      cgroupsPath: record.cgroup,
      swapAccounting: settings.swapAccounting,
      ipv6: settings.ipv6,
      arch: globalThis.process.arch,
      appArmorProfile: settings.appArmorProfile,
      initPath: settings.initPath,
      toolsPath: settings.toolsPath,
      binds: [
        ...owned.map(([source, destination]) => ({ source, destination, readOnly: false })),
        ...writeFiles(paths, spec.files ?? [], record.range.base),
      ],
    });
    // It has the app's environment, secrets included.
    writeFileSync(paths.config, JSON.stringify(config), { mode: 0o600 });
    for (const [index, sidecar] of sidecars.entries()) {
      const content = JSON.stringify(buildOciProcess(sidecar, spec.limits, settings.appArmorProfile));
      writeFileSync(paths.sidecar(index).process, content, { mode: 0o600 });
    }
  } catch (error) {
    throw asGardenError(error, 'CELL_STATE_FAILED', 'bundle', "The container's files could not be written");
  }
}

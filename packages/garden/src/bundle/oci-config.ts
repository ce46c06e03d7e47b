import type { ResolvedProcess } from '../image/process.ts';
import { type IdRange, idMappings } from '../rootfs/id-range.ts';
import { capabilitiesFor } from './capabilities.ts';
import { MASKED_PATHS, READONLY_PATHS } from './kernel-paths.ts';
import { seccompProfile } from './seccomp-profile.ts';

/** How much a container may use. */
export interface ContainerLimits {
  /** Bytes of memory; there is no swap on top. */
  readonly memoryBytes: number;
  /** cgroup v1's cpu.shares, 2 to 262,144; a v2 weight is derived from it. */
  readonly cpuShares: number;
  /** Processes and threads; 0 is no limit. */
  readonly pids: number;
  /** Open files of each process, soft and hard. */
  readonly nofile: number;
  /** Bytes of all that the container writes to its own file system; undefined: whatever the cell's disk has. */
  readonly diskBytes?: number;
}

/** Something of the host to be seen in a container. */
export interface BindMount {
  readonly source: string;
  /** Absolute path in the container. */
  readonly destination: string;
  readonly readOnly: boolean;
}

/** All that a container's config.json is made of. */
export interface OciConfigInput {
  readonly process: ResolvedProcess;
  readonly rootfs: string;
  readonly hostname: string;
  readonly range: IdRange;
  readonly limits: ContainerLimits;
  readonly cgroupsPath: string;
  /** Whether the machine counts swap, without which the limit cannot be set. */
  readonly swapAccounting: boolean;
  /** Whether the machine knows IPv6. */
  readonly ipv6: boolean;
  readonly arch: string;
  /** What AppArmor holds all processes to; where the machine has none, undefined. */
  readonly appArmorProfile: string | undefined;
  /** Our init on the host. */
  readonly initPath: string;
  /** Our static busybox on the host. */
  readonly toolsPath: string;
  /** /etc/hosts, /etc/hostname, /etc/resolv.conf, and whatever else. */
  readonly binds: readonly BindMount[];
}

/** Where the init is in every container: the app is its child, and need reap no orphans. */
export const INIT_DESTINATION = '/.slipway/init';

/** A static busybox in every container: whoever looks into one finds a shell, whatever the image has. */
export const TOOLS_DESTINATION = '/.slipway/busybox';

/** Directories of a container that the cell or the kernel fills. */
export const MOUNTED_DIRECTORIES: readonly string[] = ['/proc', '/sys', '/dev', '/.slipway'];

const kernelMounts = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  // Counts as the container's memory; the size is Docker's.
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  // Runtimes such as the JVM read their limits here.
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

const NAMESPACES = ['user', 'pid', 'mount', 'network', 'ipc', 'uts', 'cgroup'];

/** The config.json (OCI runtime-spec 1.0.2) of a container. */
export function buildOciConfig(input: OciConfigInput): Readonly<Record<string, unknown>> {
  const { process, range, limits } = input;
  const mapping = idMappings(range).map(({ containerId, hostId, size }) => ({
    containerID: containerId,
    hostID: hostId,
    size,
  }));
  const memory = { limit: limits.memoryBytes, ...(input.swapAccounting ? { swap: limits.memoryBytes } : {}) };
  return {
    ociVersion: '1.0.2',
    hostname: input.hostname,
    root: { path: input.rootfs },
    process: buildOciProcess(
      { ...process, args: [INIT_DESTINATION, '--', ...process.args] },
      limits,
      input.appArmorProfile,
    ),
    mounts: [
      ...kernelMounts,
      bind({ source: input.initPath, destination: INIT_DESTINATION, readOnly: true }, ['nosuid', 'nodev']),
      bind({ source: input.toolsPath, destination: TOOLS_DESTINATION, readOnly: true }, ['nosuid', 'nodev']),
      ...input.binds.map((each) => bind(each, ['nosuid', 'nodev', 'noexec'])),
    ],
    linux: {
      namespaces: NAMESPACES.map((type) => ({ type })),
      uidMappings: mapping,
      gidMappings: mapping,
      cgroupsPath: input.cgroupsPath,
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        memory,
        cpu: { shares: limits.cpuShares },
        ...(limits.pids > 0 ? { pids: { limit: limits.pids } } : {}),
      },
      seccomp: seccompProfile(input.arch, { familiesHeld: input.appArmorProfile !== undefined }),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      sysctl: {
        // As with Docker: any user binds any port and may ping; both are the container's own network's business.
        'net.ipv4.ip_unprivileged_port_start': '0',
        'net.ipv4.ping_group_range': `0 ${range.size - 1}`,
        // For devices yet to come: programs keep their ::1, and eth0 gets no address that nothing filters.
        ...(input.ipv6 ? { 'net.ipv6.conf.default.disable_ipv6': '1' } : {}),
      },
    },
  };
}

/** What is started in a container: config.json's `process`, and the whole of what `runc exec --process` reads. */
export function buildOciProcess(
  process: ResolvedProcess,
  limits: Pick<ContainerLimits, 'nofile'>,
  appArmorProfile: string | undefined,
): Readonly<Record<string, unknown>> {
  const { uid, gid, additionalGids } = process.user;
  return {
    terminal: false,
    user: { uid, gid, additionalGids },
    args: process.args,
    env: process.env,
    cwd: process.cwd,
    capabilities: capabilitiesFor(uid),
    rlimits: [
      { type: 'RLIMIT_NOFILE', soft: limits.nofile, hard: limits.nofile },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ],
    noNewPrivileges: true,
    ...(appArmorProfile === undefined ? {} : { apparmorProfile: appArmorProfile }),
  };
}

function bind(mount: BindMount, flags: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    destination: mount.destination,
    type: 'bind',
    source: mount.source,
    options: ['bind', mount.readOnly ? 'ro' : 'rw', 'private', ...flags],
  };
}

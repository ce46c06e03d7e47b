// @ts-check
// What each subcommand needs of the machine. Pure data and functions.

/**
 * @typedef {'demo' | 'start' | 'test' | 'vm' | 'bench' | 'check' | 'disk'} Subcommand
 * @typedef {{ name: string, library?: boolean, versionsIn?: string, debianPackage: string, units?: readonly string[] }} Requirement
 *   A command looked up on PATH (or a shared library; or in `<versionsIn>/<version>/bin`), the Debian package that brings
 *   it, and the systemd units which that package starts.
 */

/** The pinned Node is linked with it, and a minimal Debian has it not. */
const node = [{ name: 'libatomic.so.1', library: true, debianPackage: 'libatomic1' }];

/** @type {readonly Requirement[]} */
const platform = [
  { name: 'nats-server', debianPackage: 'nats-server', units: ['nats-server.service'] },
  { name: 'runc', debianPackage: 'runc' },
  { name: 'conmon', debianPackage: 'conmon' },
  { name: 'tini-static', debianPackage: 'tini' },
  { name: 'nft', debianPackage: 'nftables', units: ['nftables.service'] },
  { name: 'ip', debianPackage: 'iproute2' },
  { name: 'busybox', debianPackage: 'busybox-static' },
  { name: 'setpriv', debianPackage: 'util-linux' },
  { name: 'unshare', debianPackage: 'util-linux' },
  { name: 'nsenter', debianPackage: 'util-linux' },
  { name: 'mount', debianPackage: 'mount' },
  { name: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
];

/** A virtual machine with the host's files, and Debian's kernel for it. @type {readonly Requirement[]} */
const machine = [
  { name: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
  { name: 'mkfs.xfs', debianPackage: 'xfsprogs' },
  { name: 'modprobe', debianPackage: 'kmod' },
  { name: 'cpio', debianPackage: 'cpio' },
];

/** @type {Requirement} */
const registry = {
  name: 'docker-registry',
  debianPackage: 'docker-registry',
  units: ['docker-registry.service'],
};

/** @type {readonly Requirement[]} */
const docker = [
  {
    name: 'dockerd',
    debianPackage: 'docker.io',
    units: ['docker.service', 'docker.socket', 'containerd.service'],
  },
  { name: 'docker', debianPackage: 'docker.io' },
];

/** @type {Requirement} */
const postgres = {
  name: 'postgres',
  versionsIn: '/usr/lib/postgresql',
  debianPackage: 'postgresql',
  units: ['postgresql.service'],
};

/**
 * @param {Subcommand} subcommand
 * @param {{ docker: boolean }} options docker: the tests shall prove all, the Testcontainers way and PostgreSQL too
 * @returns {readonly Requirement[]}
 */
export function requirementsOf(subcommand, options) {
  switch (subcommand) {
    case 'check':
    case 'disk':
      return node;
    case 'start':
      return [...node, ...platform];
    case 'demo':
    case 'bench':
      return [...node, ...platform, registry];
    case 'vm':
      return [...node, ...platform, registry, ...machine];
    case 'test':
      return [...node, ...platform, registry, ...(options.docker ? [...docker, postgres] : [])];
  }
}

/**
 * Containers are made by root alone; tests that make none run as anybody.
 * @param {Subcommand} subcommand
 * @returns {boolean}
 */
export function needsRoot(subcommand) {
  return subcommand === 'demo' || subcommand === 'start' || subcommand === 'bench';
}

/** Overlay mounts of idmapped layers came with Linux 5.19. */
export const MINIMUM_KERNEL = /** @type {const} */ ([5, 19]);

/** node_modules with the pinned Node and all tools, measured; with room for npm's own cache. */
export const NODE_MODULES_BYTES = 1_200 * 1024 * 1024;

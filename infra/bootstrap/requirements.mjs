// @ts-check
// What each subcommand needs of the machine. Pure data and functions.

/**
 * @typedef {'demo' | 'start' | 'test' | 'bench' | 'check'} Subcommand
 * @typedef {{ command: string, debianPackage: string, units?: readonly string[] }} Requirement
 *   A command looked up on PATH, the Debian package that brings it, and the systemd units which that package starts.
 */

/** @type {readonly Requirement[]} */
const platform = [
  { command: 'nats-server', debianPackage: 'nats-server', units: ['nats-server.service'] },
  { command: 'runc', debianPackage: 'runc' },
  { command: 'conmon', debianPackage: 'conmon' },
  { command: 'tini-static', debianPackage: 'tini' },
  { command: 'nft', debianPackage: 'nftables', units: ['nftables.service'] },
  { command: 'ip', debianPackage: 'iproute2' },
  { command: 'busybox', debianPackage: 'busybox-static' },
  { command: 'setpriv', debianPackage: 'util-linux' },
  { command: 'unshare', debianPackage: 'util-linux' },
  { command: 'nsenter', debianPackage: 'util-linux' },
  { command: 'mount', debianPackage: 'mount' },
];

/** @type {Requirement} */
const registry = {
  command: 'docker-registry',
  debianPackage: 'docker-registry',
  units: ['docker-registry.service'],
};

/** @type {readonly Requirement[]} */
const docker = [
  {
    command: 'dockerd',
    debianPackage: 'docker.io',
    units: ['docker.service', 'docker.socket', 'containerd.service'],
  },
  { command: 'docker', debianPackage: 'docker.io' },
];

/**
 * @param {Subcommand} subcommand
 * @param {{ docker: boolean }} options docker: the tests shall prove the Testcontainers way
 * @returns {readonly Requirement[]}
 */
export function requirementsOf(subcommand, options) {
  switch (subcommand) {
    case 'check':
      return [];
    case 'start':
      return platform;
    case 'demo':
    case 'bench':
      return [...platform, registry];
    case 'test':
      return [...platform, registry, ...(options.docker ? docker : [])];
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

/** npm_modules with the pinned Node and all tools, measured; with room for npm's own cache. */
export const NODE_MODULES_BYTES = 1_200 * 1024 * 1024;
